#include "interceptor/listener_config.hpp"

#include <gtest/gtest.h>

namespace omnilink::interceptor {
namespace {

TEST(listener_config, nothing_means_this_machine_alone) {
  struct {
    const char* url;
    const char* shown;
  } const cases[] = {
      {"mixed://", "mixed://127.0.0.1:1080"},
      {"mixed://:8080", "mixed://127.0.0.1:8080"},
      {"socks5://127.0.0.1", "socks5://127.0.0.1:1080"},
      {"http://[::1]:0", "http://[::1]:0"},
  };
  for (const auto& c : cases) {
    const auto parsed = parse_listen_url(c.url);
    ASSERT_TRUE(parsed.has_value()) << c.url << ": " << parsed.error();
    EXPECT_EQ(parsed->to_string(), c.shown);
    EXPECT_EQ(parsed->validate(), "");
  }
}

TEST(listener_config, to_be_reached_from_elsewhere_is_said_aloud) {
  for (const char* url : {"mixed://0.0.0.0", "mixed://[::]:1", "mixed://192.0.2.1"}) {
    EXPECT_NE(parse_listen_url(url)->validate().find("allow_remote = true"), std::string::npos) << url;
  }
  EXPECT_EQ(parse_listen_url("mixed://0.0.0.0?allow_remote=true")->validate(), "");
  EXPECT_NE(parse_listen_url("mixed://0.0.0.0?allow_remote=false")->validate(), "");
}

TEST(listener_config, what_is_refused) {
  struct {
    const char* url;
    const char* why;
  } const cases[] = {
      {"mxied://", "did you mean \"mixed\"?"},
      {"tproxy://", "not supported by this version"},
      {"tproxy://:1", "not supported by this version"},
      {"redirect://:1?prot=80", "did you mean \"port\""},
      {"redirect://:1?port=80,,81", "neither a port nor a range"},
      {"redirect://:1?port=80&fail=maybe", "fail is open or closed"},
      {"redirect://:1?port=80&exe=/bin/sh", "use uid or gid"},
      {"mixed://:1?port=80", "the parameter \"port\" is unknown"},
      {"mixed://localhost", "not an IP address"},
      {"mixed://me:hunter2@127.0.0.1", "not supported by this version"},
      {"mixed://?allow_remtoe=true", "did you mean \"allow_remote\"?"},
      {"mixed://?allow_remote=yes", "true or false"},
      {"127.0.0.1:1080", "://"},
  };
  for (const auto& c : cases) {
    const auto parsed = parse_listen_url(c.url);
    ASSERT_TRUE(parsed.has_error()) << c.url;
    EXPECT_NE(parsed.error().find(c.why), std::string::npos) << c.url << ": " << parsed.error();
    EXPECT_EQ(parsed.error().find("hunter2"), std::string::npos);
  }
}

}  // namespace
}  // namespace omnilink::interceptor
