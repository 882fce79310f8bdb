#include "interceptor/users.hpp"

#include <crypt.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>

namespace omnilink::interceptor {
namespace {

namespace asio = boost::asio;
using core::errc;

user_list users_of(const std::string& text) {
  auto out = user_list::parse(text, true);
  EXPECT_TRUE(out.has_value()) << out.error().line << ": " << out.error().what;
  return out.has_value() ? std::move(*out) : user_list{};
}

std::string hashed(const char* password, const char* setting) {
  crypt_data space{};
  return ::crypt_r(password, setting, &space);
}

// A few milliseconds of work.
const std::string hash = hashed("s3cret", "$2b$06$abcdefghijklmnopqrstuu");

class gate : public testing::Test {
 protected:
  asio::io_context io;
  io::password_checker passwords;
  io::canceler owner;

  void ask(const user_list& users, std::string user, std::string password, errc& into) {
    auto asking = [](gatekeeper at, wire::credentials login, errc& answer) -> io::task<> {
      answer = co_await check_login(at, &login);
    };
    io::start(asking({users, passwords, owner, io}, {std::move(user), core::secret{password}}, into));
  }
  errc answer(const user_list& users, std::string user, std::string password) {
    errc out = errc::internal;
    ask(users, std::move(user), std::move(password), out);
    io.restart();
    io.run();
    return out;
  }
};

TEST(user_list, one_user_per_line) {
  const user_list users = users_of("# who\nme:pa:ss\r\n\nyou:" + hash + "\n");
  EXPECT_EQ(users.find("me")->password.reveal(), "pa:ss");
  EXPECT_FALSE(users.find("me")->hashed);
  EXPECT_TRUE(users.find("you")->hashed);
  EXPECT_EQ(users.find("m"), nullptr);
  EXPECT_EQ(users.find("# who"), nullptr);
  EXPECT_TRUE(users.stand_in().hashed) << "who does not exist takes as long as the slowest";
}

TEST(user_list, what_is_refused_and_where) {
  struct {
    std::string text;
    std::size_t line;
    const char* why;
  } const cases[] = {
      {"", 1, "no user at all"},
      {"# nobody\n", 1, "no user at all"},
      {"a:b\nme\n", 2, "not \"user:password\""},
      {"\n\n:x", 3, "the user is empty"},
      {"me:", 1, "has no password"},
      {"me:x\nyou:y\nme:z", 3, "a second user \"me\""},
      {"me:$apr1$x$y", 1, "\"$apr1\" is no method of crypt(3) here; use htpasswd -B"},
      {"me:$", 1, "no method"},
      {"me:$9$x", 1, "no method"},
      {"m\x01" "e:x", 1, "control characters"},
      {"me:a\tb", 1, "control characters"},
      {std::string(256, 'u') + ":x", 1, "longer than 255"},
      {"me:" + std::string(256, 'x'), 1, "longer than 255"},
      {"me:$6$" + std::string(400, 'x'), 1, "longer than any hash"},
  };
  for (const auto& c : cases) {
    const auto out = user_list::parse(c.text, true);
    ASSERT_TRUE(out.has_error()) << c.text;
    EXPECT_EQ(out.error().line, c.line) << c.text;
    EXPECT_NE(out.error().what.find(c.why), std::string::npos) << out.error().what;
  }
  const auto plain = user_list::parse("you:" + hash + "\nme:hunter2", false);
  ASSERT_TRUE(plain.has_error());
  EXPECT_EQ(plain.error().line, 2u);
  EXPECT_NE(plain.error().what.find("chmod 600"), std::string::npos);
  EXPECT_EQ(plain.error().what.find("hunter2"), std::string::npos) << "E5";
}

TEST_F(gate, plain_passwords) {
  const user_list users = users_of("me:word\nyou:other");
  EXPECT_EQ(answer(users, "me", "word"), errc::ok);
  EXPECT_EQ(answer(users, "me", "other"), errc::auth_failed);
  EXPECT_EQ(answer(users, "me", "wor"), errc::auth_failed);
  EXPECT_EQ(answer(users, "me", ""), errc::auth_failed);
  EXPECT_EQ(answer(users, "nobody", "word"), errc::auth_failed);
  EXPECT_EQ(answer(users, "", ""), errc::auth_failed);
}

TEST_F(gate, what_mkpasswd_and_htpasswd_make) {
  // The first is what `openssl passwd -6` makes, which has no code in common with crypt(3).
  const std::string known = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
  EXPECT_EQ(answer(users_of("me:" + known), "me", "Hello world!"), errc::ok);
  for (const char* setting : {"$2b$04$abcdefghijklmnopqrstuu", "$2y$04$abcdefghijklmnopqrstuu", "$5$salt", "$6$salt", "$1$salt", "$y$j75$salt"}) {
    const user_list users = users_of("me:" + hashed("s3cret", setting));
    EXPECT_EQ(answer(users, "me", "s3cret"), errc::ok) << setting;
    EXPECT_EQ(answer(users, "me", "s3cret"), errc::ok) << "remembered";
    EXPECT_EQ(answer(users, "me", "S3cret"), errc::auth_failed);
    EXPECT_EQ(answer(users, "me", std::string{"s3cret\0x", 8}), errc::auth_failed) << "crypt(3) ends at a NUL";
    EXPECT_EQ(answer(users, "you", "s3cret"), errc::auth_failed);
  }
}

TEST_F(gate, C8_no_login_is_no_login) {
  errc out = errc::internal;
  auto asking = [](gatekeeper at, errc& answer) -> io::task<> { answer = co_await check_login(at, nullptr); };
  const user_list users = users_of("me:word");
  io::start(asking({users, passwords, owner, io}, out));
  io.run();
  EXPECT_EQ(out, errc::auth_required);
}

TEST_F(gate, D4_guesses_wait_in_a_queue_with_an_end_and_those_who_were_here_before_pass_by) {
  const user_list users = users_of("me:" + hash);
  EXPECT_EQ(answer(users, "me", "s3cret"), errc::ok);
  constexpr std::size_t more = 64;
  std::vector<errc> guesses(io::password_checker::waiting_max + more, errc::internal);
  for (errc& each : guesses) ask(users, "me", "wrong", each);
  errc good = errc::internal;
  ask(users, "me", "s3cret", good);
  io.restart();
  while (good == errc::internal) io.run_one();
  EXPECT_EQ(good, errc::ok);
  io.run();
  const auto refused = std::ranges::count(guesses, errc::limit_reached);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(std::ranges::count(guesses, errc::auth_failed) + refused, std::ssize(guesses));
}

TEST_F(gate, a_user_whose_password_changed_is_not_remembered) {
  EXPECT_EQ(answer(users_of("me:" + hash), "me", "s3cret"), errc::ok);
  EXPECT_EQ(answer(users_of("me:" + hashed("other", "$2b$04$abcdefghijklmnopqrstuu")), "me", "s3cret"), errc::auth_failed);
}

TEST_F(gate, who_went_away_is_not_waited_for) {
  const user_list users = users_of("me:" + hash);
  errc out = errc::internal;
  ask(users, "me", "s3cret", out);
  io.restart();
  io.run_one();  // it has asked
  owner.cancel(errc::timed_out);
  io.run();
  EXPECT_EQ(out, errc::timed_out);
}

}  // namespace
}  // namespace omnilink::interceptor
