#include "cli/hide_passwords.hpp"

#include <gtest/gtest.h>

#include <string>

namespace omnilink::cli {
namespace {

std::string hidden(std::string argument) {
  std::string program = "omnilink";
  char* argv[] = {program.data(), argument.data(), nullptr};
  hide_passwords(2, argv);
  return argument;
}

TEST(hide_passwords, in_every_form_of_a_flag) {
  EXPECT_EQ(hidden("socks5://me:secret@h:1080"), "socks5://me:xxxxxx@h:1080");
  EXPECT_EQ(hidden("-Fsocks5://me:secret@h"), "-Fsocks5://me:xxxxxx@h");
  EXPECT_EQ(hidden("--forward=https://me:secret@h?sni=a"), "--forward=https://me:xxxxxx@h?sni=a");
}

TEST(hide_passwords, where_the_url_is_wrong) {
  EXPECT_EQ(hidden("me:secret@h:1080"), "me:xxxxxx@h:1080");
  EXPECT_EQ(hidden("socks5://me:se@cr:et@h"), "socks5://me:xxxxxxxx@h");
  EXPECT_EQ(hidden("socks5://me:sec?ret@h"), "socks5://me:xxxxxxx@h");
}

TEST(hide_passwords, leaves_the_rest_alone) {
  for (const char* plain :
       {"socks5://h:1080", "socks5://me@h:1080", "-v", "run", "", "git@host.example:repository",
        "https://h?auth_file=/etc/me", "a:b", "@", ":", ":@"}) {
    EXPECT_EQ(hidden(plain), plain);
  }
}

}  // namespace
}  // namespace omnilink::cli
