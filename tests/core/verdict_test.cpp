#include "core/verdict.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace omnilink::core {
namespace {

constexpr int errc_count = static_cast<int>(errc::internal) + 1;

TEST(errc, every_value_has_a_word_and_a_meaning_of_its_own) {
  std::set<std::string_view> names, meanings;
  for (int i = 0; i < errc_count; ++i) {
    names.insert(name_of(static_cast<errc>(i)));
    meanings.insert(meaning_of(static_cast<errc>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(errc_count));
  EXPECT_EQ(meanings.size(), static_cast<std::size_t>(errc_count));
  EXPECT_EQ(name_of(errc::tls_wrong_name), "tls_wrong_name");
}

TEST(step, every_value_has_a_word) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(step::relay); ++i) names.insert(name_of(static_cast<step>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(step::relay) + 1);
}

verdict failed(errc code) {
  verdict v;
  v.code = code;
  return v;
}

TEST(verdict, one_plain_line) {
  verdict v = failed(errc::tls_untrusted);
  v.step = step::tls;
  v.hop = 1;
  v.hop_name = "edge.example:443";
  v.detail = "self-signed certificate";
  v.elapsed = std::chrono::milliseconds{12};
  EXPECT_EQ(v.to_string(), "hop 1 (edge.example:443): tls: " + std::string{meaning_of(errc::tls_untrusted)} +
                               ": self-signed certificate (12 ms)");
  v = failed(errc::hop_refused);
  v.reply_from = verdict::reply_kind::socks5;
  v.reply = 5;
  EXPECT_EQ(v.to_string(), std::string{meaning_of(errc::hop_refused)} + " (SOCKS reply 5)");
  v = failed(errc::io_failed);
  v.system_errno = EMFILE;
  EXPECT_NE(v.to_string().find("Too many open files"), std::string::npos);
  v.reply_from = verdict::reply_kind::socks4;
  v.reply = 91;
  v.code = errc::hop_refused;
  EXPECT_NE(v.to_string().find(" (SOCKS4 reply 91)"), std::string::npos);
  EXPECT_TRUE(verdict{}.ok());
  EXPECT_FALSE(v.ok());
}

TEST(verdict, what_a_socks_client_sees) {
  EXPECT_EQ(socks5_reply_of(verdict{}), 0);
  EXPECT_EQ(socks5_reply_of(failed(errc::rejected)), 2);
  EXPECT_EQ(socks5_reply_of(failed(errc::unreachable)), 3);
  EXPECT_EQ(socks5_reply_of(failed(errc::name_not_found)), 4);
  EXPECT_EQ(socks5_reply_of(failed(errc::refused)), 5);
  EXPECT_EQ(socks5_reply_of(failed(errc::bad_command)), 7);
  EXPECT_EQ(socks5_reply_of(failed(errc::bad_name)), 8);
  EXPECT_EQ(socks5_reply_of(failed(errc::internal)), 1);
  verdict v = failed(errc::hop_refused);
  EXPECT_EQ(socks5_reply_of(v), 1);
  v.reply_from = verdict::reply_kind::socks5;
  v.reply = 3;
  EXPECT_EQ(socks5_reply_of(v), 3);
  v.reply = 91;
  EXPECT_EQ(socks5_reply_of(v), 1) << "not one of the client's vocabulary";
  v.reply_from = verdict::reply_kind::http;
  v.reply = 5;
  EXPECT_EQ(socks5_reply_of(v), 1);
}

TEST(verdict, what_a_socks4_client_sees) {
  EXPECT_EQ(socks4_reply_of(verdict{}), 90);
  EXPECT_EQ(socks4_reply_of(failed(errc::refused)), 91);
  verdict v = failed(errc::hop_refused);
  v.reply_from = verdict::reply_kind::socks4;
  for (const int own : {91, 92, 93}) {
    v.reply = static_cast<std::uint16_t>(own);
    EXPECT_EQ(socks4_reply_of(v), own);
  }
  v.reply = 90;
  EXPECT_EQ(socks4_reply_of(v), 91);
  v.reply_from = verdict::reply_kind::socks5;
  v.reply = 92;
  EXPECT_EQ(socks4_reply_of(v), 91) << "not of the client's vocabulary";
}

TEST(verdict, what_an_http_client_sees) {
  EXPECT_EQ(http_status_of(verdict{}), 200);
  EXPECT_EQ(http_status_of(failed(errc::rejected)), 403);
  EXPECT_EQ(http_status_of(failed(errc::timed_out)), 504);
  EXPECT_EQ(http_status_of(failed(errc::limit_reached)), 503);
  EXPECT_EQ(http_status_of(failed(errc::hop_refused)), 502);
  EXPECT_EQ(http_status_of(failed(errc::auth_required)), 407);
  // The client's own mistakes are 4xx, a hop's are 502.
  verdict v = failed(errc::bad_message);
  EXPECT_EQ(http_status_of(v), 400);
  v.hop = 0;
  EXPECT_EQ(http_status_of(v), 502);
  v.code = errc::auth_failed;
  EXPECT_EQ(http_status_of(v), 502) << "the hop's login is none of the client's";
  EXPECT_EQ(http_status_of(failed(errc::oversized)), 431);
  EXPECT_EQ(http_status_of(failed(errc::bad_command)), 405);
}

TEST(verdict, no_failure_looks_like_success) {
  for (int i = 1; i < errc_count; ++i) {
    const verdict v = failed(static_cast<errc>(i));
    EXPECT_NE(socks5_reply_of(v), 0) << i;
    EXPECT_EQ(socks4_reply_of(v), 91) << i;
    EXPECT_GE(http_status_of(v), 400) << i;
    EXPECT_LE(http_status_of(v), 599) << i;
  }
}

}  // namespace
}  // namespace omnilink::core
