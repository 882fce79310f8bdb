#include "wire/url.hpp"

#include <gtest/gtest.h>

#include <random>

namespace omnilink::wire {
namespace {

std::string error_of(std::string_view text) {
  const auto parsed = parse_url(text);
  return parsed ? "" : parsed.error();
}

TEST(url, takes_everything_apart) {
  const auto parsed = parse_url("SOCKS5+tls://me:p%40ss%3A@proxy.example:1081?ca=/etc/x.pem&sni=a.example");
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(parsed->scheme, "socks5+tls");
  EXPECT_EQ(parsed->user, "me");
  EXPECT_EQ(parsed->password.reveal(), "p@ss:");
  EXPECT_EQ(parsed->host, "proxy.example");
  EXPECT_EQ(parsed->port, 1081);
  ASSERT_EQ(parsed->parameters.size(), 2u);
  EXPECT_EQ(*parsed->find("ca"), "/etc/x.pem");
  EXPECT_EQ(*parsed->find("sni"), "a.example");
  EXPECT_EQ(parsed->find("nothing"), nullptr);
}

TEST(url, what_may_be_missing) {
  struct row {
    const char* text;
    const char* host;
    int port;  // -1: none
  };
  for (const row& r : {row{"http://proxy", "proxy", -1}, row{"http://192.0.2.1:80", "192.0.2.1", 80},
                       row{"http://[2001:DB8::1]", "2001:db8::1", -1}, row{"http://[::1]:3128", "::1", 3128},
                       row{"mixed://:1080", "", 1080}, row{"mixed://:0", "", 0}, row{"mixed://", "", -1},
                       row{"direct://", "", -1}, row{"tcp://:8080?to=[2001:db8::1]:25,x", "", 8080}}) {
    const auto parsed = parse_url(r.text);
    ASSERT_TRUE(parsed) << r.text << ": " << parsed.error();
    EXPECT_EQ(parsed->host, r.host) << r.text;
    EXPECT_EQ(parsed->port ? *parsed->port : -1, r.port) << r.text;
    EXPECT_TRUE(parsed->user.empty());
    EXPECT_TRUE(parsed->password.empty());
  }
  EXPECT_EQ(parse_url("socks5://me@proxy")->user, "me");
}

TEST(url, every_encoded_byte_comes_back) {
  for (int c = 0x20; c < 256; ++c) {
    char hex[4];
    std::snprintf(hex, sizeof hex, "%%%02x", c);
    const auto parsed = parse_url("http://u" + std::string{hex} + ":p" + hex + "@h?k=" + hex);
    if (c == 0x7f) {
      EXPECT_FALSE(parsed);
      continue;
    }
    ASSERT_TRUE(parsed) << hex;
    EXPECT_EQ(parsed->user, std::string{"u"} + static_cast<char>(c));
    EXPECT_EQ(parsed->password.reveal(), std::string{"p"} + static_cast<char>(c));
    EXPECT_EQ(*parsed->find("k"), (std::string{static_cast<char>(c)}));
  }
}

TEST(url, refuses) {
  for (const char* text : {"",
                           "proxy:1080",
                           "socks5:/proxy",
                           "://proxy",
                           "5ocks://proxy",
                           "so cks://proxy",
                           "http://a b",
                           "http://a:80:90",
                           "http://a:",
                           "http://a:65536",
                           "http://a:-1",
                           "http://a:08",
                           "http://2001:db8::1",
                           "http://[::1",
                           "http://::1]:80",
                           "http://[192.0.2.1]",
                           "http://a..b",
                           "http://a/",
                           "http://a/path",
                           "http://a:80/",
                           "http://a#x",
                           "http://@a",
                           "http://:p@a",
                           "http://u:@a",
                           "http://u:p@q@a",
                           "http://u:p:q@a",
                           "http://u:p%4@a",
                           "http://u:p%zz@a",
                           "http://u:p%00@a",
                           "http://u%0a:p@a",
                           "http://u:p\n@a",
                           "http://\xc3\xa4",
                           "http://u:\xc3\xa4@a",
                           "http://a?",
                           "http://a?k",
                           "http://a?k=",
                           "http://a?=v",
                           "http://a?k=v&",
                           "http://a?k=v&&l=w",
                           "http://a?k=v&k=w",
                           "http://a?k=v w",
                           "http://a?k=%0a",
                           "http://a?k=%4",
                           "http://a?k=a|b",
                           "http://a?k=u@h",
                           "http?://a",
                           "http://a%2eb",
                           "http://a,b",
                           "http://a,http://b",
                           "http://a|http://b"}) {
    const std::string error = error_of(text);
    EXPECT_NE(error, "") << text;
    EXPECT_EQ(error.find('\n'), std::string::npos) << text;
  }
  EXPECT_NE(error_of("http://" + std::string(url_max, 'a')), "");
  std::string many = "http://a?";
  for (std::size_t i = 0; i <= url_parameters_max; ++i)
    many += (i == 0 ? "" : "&") + ("k" + std::to_string(i)) + "=v";
  EXPECT_NE(error_of(many), "");
}

TEST(url, errors_say_the_remedy) {
  EXPECT_NE(error_of("socks5://a:1,http://b:2").find("separate -F"), std::string::npos);
  EXPECT_NE(error_of("socks5://a:1|http://b:2").find("alternatives"), std::string::npos);
  EXPECT_NE(error_of("socks5://u:p/x@a").find("percent-encoded"), std::string::npos);
  EXPECT_NE(error_of("socks5://2001:db8::1").find("brackets"), std::string::npos);
  EXPECT_NE(error_of("a:1080").find("socks5://host:1080"), std::string::npos);
  EXPECT_NE(error_of("http://a?ca=x&ca=y").find("\"ca\""), std::string::npos);
}

// Whatever is wrong, and wherever the password puts its special characters, no error shows it.
TEST(url, E5_no_error_shows_the_password) {
  const std::string canary = "hunter2canary";
  const std::string specials = ":/?#[]@,|%&= \t\xff+=";
  for (const char first : specials) {
    for (const char second : specials) {
      for (const char* frame :
           {"socks5://me:%@proxy:1080", "socks5://me:%@proxy:99999", "me:%@proxy", "socks5://me:%",
            "http://%@proxy/?a=b", "http://:%@proxy", "http://me:%@proxy?bad", "http://me:%@pro xy"}) {
        std::string text = frame;
        const std::string password = std::string{first} + canary + second;
        text.replace(text.find('%'), 1, password);
        EXPECT_EQ(error_of(text).find(canary), std::string::npos) << text << ": " << error_of(text);
      }
    }
  }
}

TEST(url, noise_never_breaks_it) {
  std::mt19937_64 random{7};
  constexpr std::string_view alphabet = "ab1:/?#[]@,|%&= .-+\n\xff";
  for (int round = 0; round < 50'000; ++round) {
    std::string text = random() % 2 ? "http://" : "";
    for (std::size_t i = random() % 24; i > 0; --i) text += alphabet[random() % alphabet.size()];
    const auto parsed = parse_url(text);
    EXPECT_TRUE(parsed ? !parsed->scheme.empty() : !parsed.error().empty()) << text;
  }
}

}  // namespace
}  // namespace omnilink::wire
