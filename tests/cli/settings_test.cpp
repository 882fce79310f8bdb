#include "cli/settings.hpp"

#include <gtest/gtest.h>

#include "cli/exit_code.hpp"
#include "tests/cli/scratch.hpp"

namespace omnilink::cli {
namespace {

TEST(settings, repeated_flags_are_successive_hops) {
  settings s;
  const refusal no = apply({{}, {"socks5://a", "http://b", "socks5+tls://c"}, {}, 0}, s);
  ASSERT_TRUE(no.lines.empty()) << no.lines[0];
  ASSERT_EQ(s.service.chains.size(), 1u);
  ASSERT_EQ(s.service.chains[0].hops.size(), 3u);
  EXPECT_EQ(s.service.chains[0].hops[2].to_string(), "socks5+tls://c:1080");
}

TEST(settings, flags_win_over_the_file) {
  const scratch place;
  const std::string file =
      place.write("o.toml",
                  "version = 1\n[[listen]]\nurl = \"http://127.0.0.1:1\"\n[[hop]]\nname = \"a\"\nurl = "
                  "\"socks5://a\"\n[[chain]]\nname = \"out\"\nhops = [\"a\"]\n[log]\nlevel = \"error\"");
  settings s;
  ASSERT_TRUE(apply({file, {}, {}, 0}, s).lines.empty());
  EXPECT_EQ(s.service.chains.at(0).name, "out");
  EXPECT_EQ(s.log.level, io::log::level::error);

  settings t;
  ASSERT_TRUE(apply({file, {"direct"}, {"mixed://:0"}, 2}, t).lines.empty());
  ASSERT_EQ(t.service.chains.size(), 1u);
  EXPECT_TRUE(t.service.chains[0].is_direct());
  ASSERT_EQ(t.service.listeners.size(), 1u);
  EXPECT_EQ(t.service.listeners[0].to_string(), "mixed://127.0.0.1:0");
  EXPECT_EQ(t.log.level, io::log::level::info);
}

TEST(settings, errors_name_the_flag_and_never_its_value) {
  settings s;
  const refusal no = apply({{}, {"socks5://a", "sock5://me:hunter2@b"}, {"mixed://0.0.0.0"}, 0}, s);
  EXPECT_EQ(no.exit_code, exit_usage);
  ASSERT_EQ(no.lines.size(), 2u);
  EXPECT_EQ(no.lines[0], "-F number 2: unknown scheme \"sock5\"; did you mean \"socks5\"?");
  EXPECT_TRUE(no.lines[1].starts_with("-L: 0.0.0.0:1080 can be reached")) << no.lines[1];
}

TEST(settings, a_wrong_file_is_a_configuration_error) {
  settings s;
  const refusal no = apply({"/no/such/file", {"direct"}, {}, 0}, s);
  EXPECT_EQ(no.exit_code, exit_config);
  ASSERT_EQ(no.lines.size(), 1u);
}

TEST(settings, verbosity_stops_at_both_ends) {
  settings s;
  ASSERT_TRUE(apply({{}, {}, {}, 9}, s).lines.empty());
  EXPECT_EQ(s.log.level, io::log::level::debug);
  ASSERT_TRUE(apply({{}, {}, {}, -9}, s).lines.empty());
  EXPECT_EQ(s.log.level, io::log::level::error);
}

}  // namespace
}  // namespace omnilink::cli
