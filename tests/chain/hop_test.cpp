#include "chain/hop.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace omnilink::chain {
namespace {

hop parsed(std::string_view url) {
  auto out = parse_hop_url(url);
  EXPECT_TRUE(out.has_value()) << url << ": " << (out.has_error() ? out.error() : "");
  return out.has_value() ? *out : hop{};
}

std::string error_of(std::string_view url) {
  const auto out = parse_hop_url(url);
  EXPECT_TRUE(out.has_error()) << url;
  return out.has_error() ? out.error() : "";
}

void expect_error(std::string_view url, std::string_view part) {
  EXPECT_NE(error_of(url).find(part), std::string::npos) << url << ": " << error_of(url);
}

TEST(hop, schemes_and_default_ports) {
  struct {
    const char* url;
    const char* shown;
    hop_kind kind;
    bool tls;
  } const cases[] = {
      {"socks4://192.0.2.1", "socks4://192.0.2.1:1080", hop_kind::socks4, false},
      {"socks4a://me@a.example", "socks4a://a.example:1080", hop_kind::socks4a, false},
      {"socks5://a.example", "socks5://a.example:1080", hop_kind::socks5, false},
      {"socks5h://a.example:9", "socks5://a.example:9", hop_kind::socks5, false},
      {"socks5+tls://a.example", "socks5+tls://a.example:1080", hop_kind::socks5, true},
      {"http://192.0.2.1", "http://192.0.2.1:80", hop_kind::http, false},
      {"https://[2001:db8::1]", "https://[2001:db8::1]:443", hop_kind::http, true},
      {"HTTPS://a.example:8443", "https://a.example:8443", hop_kind::http, true},
      {"direct", "direct", hop_kind::direct, false},
      {"direct://", "direct", hop_kind::direct, false},
      {"reject", "reject", hop_kind::reject, false},
      {"reject://", "reject", hop_kind::reject, false},
  };
  for (const auto& c : cases) {
    const hop h = parsed(c.url);
    EXPECT_EQ(h.to_string(), c.shown);
    EXPECT_EQ(h.kind, c.kind) << c.url;
    EXPECT_EQ(h.tls.has_value(), c.tls) << c.url;
    EXPECT_EQ(h.validate(), "") << c.url;
  }
}

TEST(hop, the_name_of_an_unnamed_hop_is_its_address) {
  EXPECT_EQ(parsed("socks5://u:p@[2001:db8::1]:9").name, "[2001:db8::1]:9");
  EXPECT_EQ(parsed("direct").name, "direct");
}

TEST(hop, login_is_decoded_and_never_shown) {
  const hop h = parsed("https://us%40er:p%3Aw%2C%7C@edge.example?sni=other.example&ca=/etc/ca.pem");
  EXPECT_EQ(h.user, "us@er");
  EXPECT_EQ(h.password.reveal(), "p:w,|");
  ASSERT_TRUE(h.tls);
  EXPECT_EQ(h.tls->name, "other.example");
  EXPECT_EQ(h.tls->ca_file, "/etc/ca.pem");
  EXPECT_EQ(h.to_string(), "https://edge.example:443");
}

TEST(hop, every_word_of_tls) {
  const std::string pin = core::spki_pin{}.to_string();
  const hop h = parsed("socks5+tls://h?cert=/c&key=/k&min_version=1.3&alpn=a,b&pin=" + pin + "," + pin);
  ASSERT_TRUE(h.tls);
  EXPECT_EQ(h.tls->name, "h");
  EXPECT_EQ(h.tls->certificate_file, "/c");
  EXPECT_EQ(h.tls->key_file, "/k");
  EXPECT_EQ(h.tls->least, io::tls_version::v1_3);
  EXPECT_EQ(h.tls->alpn, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(h.tls->pins.size(), 2u);

  const hop plain = parsed("https://h");
  EXPECT_EQ(plain.tls->alpn, std::vector<std::string>{"http/1.1"});
  EXPECT_EQ(plain.tls->least, io::tls_version::v1_2);
  EXPECT_TRUE(parsed("socks5+tls://h").tls->alpn.empty());
  EXPECT_FALSE(parsed("http://h").tls);
}

TEST(hop, no_error_shows_the_password) {
  for (const char* url : {"sokcs5://me:hunter2@h", "socks5://me:hunter2@h:x", "socks5://me:hunter2@h/p",
                          "socks4://me:hunter2@h", "socks5://me:hunter2@h?sni=a", "socks5://me:hunter2@h?x=1",
                          "socks5://me:hunter2,@h", "https://me:hunter2@h?auth_file=/f",
                          "socks5://me:hunter2@", "direct://me:hunter2@h", "http://me:hunter2/@h"}) {
    EXPECT_EQ(error_of(url).find("hunter2"), std::string::npos) << error_of(url);
    EXPECT_EQ(error_of(url).find('\n'), std::string::npos);
  }
}

TEST(hop, errors_suggest_the_nearest_word) {
  expect_error("sock5://h", "did you mean \"socks5\"?");
  expect_error("https://h?snl=x", "did you mean \"sni\"?");
  expect_error("socks4b://h", "did you mean \"socks4\"?");
}

TEST(hop, what_is_refused) {
  expect_error("socks5://a:1,b:2", "comma");
  expect_error("socks5://a|socks5://b", "|");
  expect_error("http://h?ca=/x", "needs TLS");
  expect_error("https://u:p@h?auth_file=/x", "both a user and auth_file");
  expect_error("socks5://", "host is missing");
  expect_error("socks5://h:0", "port 0");
  expect_error("direct://h", "stands alone");
  expect_error("reject://?ca=/x", "makes no sense");
  expect_error("socks5://user@h", "without a password");
  expect_error("socks4://user:word@h", "SOCKS4 knows a user and no password");
  expect_error("socks4a://user:word@h", "SOCKS4 knows a user and no password");
  expect_error("socks4://user@h?sni=x", "needs TLS");
  expect_error("http://us%3Aer:pw@h", "colon");
  expect_error("socks5://u:" + std::string(256, 'x') + "@h", "longer than 255");
  expect_error("https://h?sni=a_b..c", "sni is not a host name");
  expect_error("h:1080", "://");
  expect_error("https://h?min_version=1.1", "neither \"1.2\" nor \"1.3\"");
  expect_error("https://h?pin=sha256/AAAA", "44 characters");
  expect_error("https://h?alpn=http/1.1,", "1 to 255 bytes");
  expect_error("https://h?alpn=h2", "not spoken here");
  expect_error("https://h?cert=/c", "cert without key");
  expect_error("https://h?key=/k", "key without cert");
  expect_error("http://h?pipeline=true", "for SOCKS5 only");
  expect_error("socks5://h?pipeline=yes", "neither true nor false");
}

TEST(hop, pipeline_is_said_in_the_url) {
  EXPECT_FALSE(parsed("socks5://h").pipeline);
  EXPECT_FALSE(parsed("socks5://h?pipeline=false").pipeline);
  EXPECT_TRUE(parsed("socks5://h?pipeline=true").pipeline);
  EXPECT_TRUE(parsed("socks5+tls://h?sni=a.b&pipeline=true").pipeline);
}

TEST(hop, a_login_from_a_file_is_checked_once_it_was_read) {
  hop h = parsed("socks5://h?auth_file=/etc/login");
  EXPECT_EQ(h.auth_file, "/etc/login");
  h.user = "user";
  EXPECT_NE(h.validate(), "");
  h.password = core::secret{"word"};
  EXPECT_EQ(h.validate(), "");
}

}  // namespace
}  // namespace omnilink::chain
