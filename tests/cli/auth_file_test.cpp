#include "cli/auth_file.hpp"

#include <gtest/gtest.h>

#include "tests/cli/scratch.hpp"

namespace omnilink::cli {
namespace {

chain::hop hop_with(const std::string& file) {
  chain::hop out = *chain::parse_hop_url("socks5://h");
  out.auth_file = file;
  return out;
}

TEST(auth_file, is_one_line_with_user_and_password) {
  const scratch place;
  for (const char* text : {"me:pa:ss", "me:pa:ss\n", "me:pa:ss\r\n"}) {
    chain::hop h = hop_with(place.write("login", text));
    EXPECT_EQ(read_auth_file(h), "") << text;
    EXPECT_EQ(h.user, "me");
    EXPECT_EQ(h.password.reveal(), "pa:ss");
    EXPECT_TRUE(h.auth_file.empty());
  }
  const std::string longest = std::string(255, 'u') + ":" + std::string(255, 'p');
  chain::hop h = hop_with(place.write("long", longest + "\r\n"));
  EXPECT_EQ(read_auth_file(h), "");
}

TEST(auth_file, none_is_none) {
  chain::hop h = *chain::parse_hop_url("socks5://h");
  EXPECT_EQ(read_auth_file(h), "");
  EXPECT_TRUE(h.user.empty());
}

TEST(auth_file, what_is_refused) {
  const scratch place;
  struct {
    std::string file;
    const char* why;
  } const cases[] = {
      {place.write("group", "me:word", 0640), "others may read it; chmod 600 it"},
      {place.write("world", "me:word", 0604), "others may read it"},
      {place.write("empty", ""), "not one line"},
      {place.write("no-colon", "me"), "not one line"},
      {place.write("no-user", ":word"), "not one line"},
      {place.write("no-password", "me:"), "without a password"},
      {place.write("two", "me:word\nyou:word"), "not one line"},
      {place.write("long-user", std::string(256, 'u') + ":p"), "longer than 255"},
      {place.write("long", std::string(600, 'u')), "longer than 513 bytes"},
      {place.path() + "/nothing", "No such file"},
      {place.path(), "not a regular file"},
      {"${CREDENTIALS_DIRECTORY}/x", "CREDENTIALS_DIRECTORY is not set"},
  };
  ::unsetenv("CREDENTIALS_DIRECTORY");
  for (const auto& c : cases) {
    chain::hop h = hop_with(c.file);
    const std::string wrong = read_auth_file(h);
    EXPECT_NE(wrong.find(c.why), std::string::npos) << c.file << ": " << wrong;
  }
}

TEST(auth_file, of_systemd_may_have_the_bits_of_an_access_list) {
  const scratch place;
  place.write("paris", "me:word", 0440);
  place.write("open", "me:word", 0444);
  ::setenv("CREDENTIALS_DIRECTORY", place.path().c_str(), 1);
  chain::hop good = hop_with("${CREDENTIALS_DIRECTORY}/paris");
  chain::hop bad = hop_with("${CREDENTIALS_DIRECTORY}/open");
  EXPECT_EQ(read_auth_file(good), "");
  EXPECT_NE(read_auth_file(bad), "");
  ::unsetenv("CREDENTIALS_DIRECTORY");
}

interceptor::listener_config listener_with(const std::string& file) {
  interceptor::listener_config out = *interceptor::parse_listen_url("mixed://");
  out.auth_file = file;
  return out;
}

// Of a salt alone, with the shape of a hash.
constexpr const char* hash = "$6$salt$0123456789";

TEST(auth_file, of_a_listener_has_a_user_per_line) {
  const scratch place;
  for (const mode_t mode : {0600, 0400}) {
    auto l = listener_with(place.write("users" + std::to_string(mode), "# who\nme:word\nyou:" + std::string{hash} + "\n", mode));
    EXPECT_EQ(read_auth_file(l), "");
    ASSERT_TRUE(l.users);
    EXPECT_EQ(l.users->find("me")->password.reveal(), "word");
    EXPECT_TRUE(l.users->find("you")->hashed);
    EXPECT_EQ(l.validate(), "");
  }
  auto none = *interceptor::parse_listen_url("mixed://");
  EXPECT_EQ(read_auth_file(none), "");
  EXPECT_FALSE(none.users);
}

TEST(auth_file, of_a_listener_may_be_read_by_others_where_all_is_hashed) {
  const scratch place;
  auto hashed = listener_with(place.write("hashed", "you:" + std::string{hash}, 0644));
  EXPECT_EQ(read_auth_file(hashed), "");
  const std::string file = place.write("plain", "you:" + std::string{hash} + "\nme:hunter2", 0640);
  auto plain = listener_with(file);
  const std::string wrong = read_auth_file(plain);
  EXPECT_TRUE(wrong.starts_with("auth_file " + file + ":2: the password of \"me\" is plain")) << wrong;
  EXPECT_EQ(wrong.find("hunter2"), std::string::npos) << "E5";
  auto writable = listener_with(place.write("writable", "you:" + std::string{hash}, 0664));
  EXPECT_NE(read_auth_file(writable).find("others may write it; chmod go-w it"), std::string::npos);
}

TEST(auth_file, of_a_listener_that_is_wrong_names_the_line) {
  const scratch place;
  struct {
    std::string text;
    const char* why;
  } const cases[] = {
      {"me:x\nyou\n", "%:2: not \"user:password\""},
      {"", "%:1: no user at all"},
      {std::string(1024 * 1024 + 1, '#'), "\"%\": longer than 1048576 bytes"},
  };
  for (const auto& c : cases) {
    const std::string file = place.write("users", c.text);
    auto l = listener_with(file);
    const std::string wrong = read_auth_file(l);
    std::string expected = c.why;
    expected.replace(expected.find('%'), 1, file);
    EXPECT_TRUE(wrong.starts_with("auth_file " + expected)) << wrong;
  }
  auto absent = listener_with(place.path() + "/nothing");
  EXPECT_NE(read_auth_file(absent).find("No such file"), std::string::npos);
}

}  // namespace
}  // namespace omnilink::cli
