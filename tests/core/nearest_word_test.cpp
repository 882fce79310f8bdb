#include "core/nearest_word.hpp"

#include <gtest/gtest.h>

#include <array>

namespace omnilink::core {
namespace {

constexpr std::array<std::string_view, 8> words{"socks5", "socks5h", "http",         "https",
                                                "direct", "reject",  "idle_timeout", "half_close_timeout"};

TEST(nearest_word, finds_slips_of_the_fingers) {
  EXPECT_EQ(nearest_word("sock5", words), "socks5");
  EXPECT_EQ(nearest_word("SOCKS5", words), "socks5");
  EXPECT_EQ(nearest_word("scoks5", words), "socks5");
  EXPECT_EQ(nearest_word("htttps", words), "https");
  EXPECT_EQ(nearest_word("xyab", std::array<std::string_view, 2>{"xyac", "xyad"}), "xyac")
      << "the first of equals";
  EXPECT_EQ(nearest_word("rejct", words), "reject");
  EXPECT_EQ(nearest_word("idle-timeout", words), "idle_timeout");
  EXPECT_EQ(nearest_word("halfclosetimeouts", words), "half_close_timeout");  // a third of a long word
}

TEST(nearest_word, swapped_neighbours_are_one_edit) {
  constexpr std::array<std::string_view, 2> two{"abyz", "abcdef"};
  EXPECT_EQ(nearest_word("bacdfe", two), "abcdef");
}

TEST(nearest_word, is_silent_when_nothing_is_near) {
  EXPECT_EQ(nearest_word("gopher", words), "");
  EXPECT_EQ(nearest_word("", words), "");
  EXPECT_EQ(nearest_word("x", words), "");
  constexpr std::array<std::string_view, 1> run{"run"};
  EXPECT_EQ(nearest_word("up", run), "");
  EXPECT_EQ(nearest_word("xy", std::array<std::string_view, 1>{"ab"}), "") << "as many edits as letters";
  EXPECT_EQ(nearest_word(std::string(100'000, 's'), words), "");
  EXPECT_EQ(nearest_word("socks", {}), "");
}

TEST(nearest_word, in_a_sentence) {
  EXPECT_EQ(did_you_mean("sock5", words), "; did you mean \"socks5\"?");
  EXPECT_EQ(did_you_mean("gopher", words), "");
}

TEST(quoted, is_one_short_plain_line) {
  EXPECT_EQ(core::quoted("socks"), "\"socks\"");
  EXPECT_EQ(core::quoted("a\nb\x1b\xff"), "\"a?b??\"");
  EXPECT_EQ(core::quoted(std::string(64, 'x')), "\"" + std::string(64, 'x') + "\"");
  EXPECT_EQ(core::quoted(std::string(65, 'x')), "\"" + std::string(64, 'x') + "…\"");
}

TEST(quoted, E5_no_password_of_a_url_in_a_wrong_place) {
  EXPECT_EQ(core::quoted("socks5://me:hunter2@h:1"), "\"socks5://me:***@h:1\"");
  EXPECT_EQ(core::quoted("socks5://me:hun:t@er2@h:1"), "\"socks5://me:***@h:1\"");
  EXPECT_EQ(core::quoted("me:hunter2@h"), "\"me:***@h\"");
  EXPECT_EQ(core::quoted("me:" + std::string(100, 'p') + "@h"), "\"me:***@h\"");
  EXPECT_EQ(core::quoted("h:1"), "\"h:1\"");
  EXPECT_EQ(core::quoted("a@h:1"), "\"a@h:1\"");
}

}  // namespace
}  // namespace omnilink::core
