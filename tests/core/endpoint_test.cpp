#include "core/endpoint.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <random>
#include <unordered_set>

#include "core/flow_key.hpp"

namespace omnilink::core {
namespace {

std::string round_trip(std::string_view text) {
  const auto parsed = address::parse(text);
  return parsed ? parsed->to_string() : "refused";
}

TEST(address, text_both_ways) {
  EXPECT_EQ(round_trip("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(round_trip("255.255.255.255"), "255.255.255.255");
  EXPECT_EQ(address::v4(0x7f000001), *address::parse("127.0.0.1"));
  EXPECT_EQ(address{}.to_string(), "0.0.0.0");
}

// RFC 5952 section 4 and RFC 4291 section 2.2.
TEST(address, ipv6_text_is_canonical) {
  EXPECT_EQ(round_trip("2001:DB8:0:0:0:0:0:1"), "2001:db8::1");
  EXPECT_EQ(round_trip("2001:0db8::0001"), "2001:db8::1");
  EXPECT_EQ(round_trip("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
  EXPECT_EQ(round_trip("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1");
  EXPECT_EQ(round_trip("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
  EXPECT_EQ(round_trip("::"), "::");
  EXPECT_EQ(round_trip("1::"), "1::");
  EXPECT_EQ(round_trip("::1"), "::1");
  EXPECT_EQ(round_trip("1:2:3:4:5:6:7::"), "1:2:3:4:5:6:7:0");
  EXPECT_EQ(round_trip("::ffff:192.0.2.1"), "::ffff:192.0.2.1");
  EXPECT_EQ(round_trip("64:ff9b::192.0.2.33"), "64:ff9b::c000:221");
}

TEST(address, refuses) {
  for (const char* text : {"",
                           "1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "256.1.1.1",
                           "01.2.3.4",
                           "1.2.3.04",
                           "1.2.3.4 ",
                           " 1.2.3.4",
                           "1.2.3.-4",
                           "0x1.2.3.4",
                           "1..2.3",
                           ":",
                           ":::",
                           "1:",
                           ":1",
                           "1::2::3",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "12345::",
                           "g::",
                           "::1.2.3",
                           "1.2.3.4::",
                           "::1.2.3.4:1",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "[::1]",
                           "fe80::1%eth0",
                           "::+1",
                           "::-1"}) {
    EXPECT_EQ(round_trip(text), "refused") << text;
  }
}

// The C library as the judge, over noise from the alphabet of addresses and over every kind of zero run.
TEST(address, agrees_with_the_c_library) {
  std::mt19937_64 random{11};
  constexpr std::string_view alphabet = "0123456789abcdefF::::....";
  for (int round = 0; round < 100'000; ++round) {
    std::string text;
    for (std::size_t i = random() % 20; i > 0; --i) text += alphabet[random() % alphabet.size()];
    in6_addr v6{};
    in_addr v4{};
    const bool known =
        inet_pton(AF_INET6, text.c_str(), &v6) == 1 || inet_pton(AF_INET, text.c_str(), &v4) == 1;
    EXPECT_EQ(address::parse(text).has_value(), known) << text;
  }
  for (int round = 0; round < 20'000; ++round) {
    address::bytes_v6 bytes{};
    for (auto& b : bytes) b = random() % 3 == 0 ? static_cast<std::uint8_t>(random()) : 0;
    const address value = address::v6(bytes);
    in6_addr back{};
    ASSERT_EQ(inet_pton(AF_INET6, value.to_string().c_str(), &back), 1) << value.to_string();
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), back.s6_addr));
    EXPECT_EQ(address::parse(value.to_string()), value);
  }
}

TEST(address, kinds) {
  const auto at = [](const char* text) { return *address::parse(text); };
  for (const char* text : {"127.0.0.1", "127.255.0.3", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(at(text).is_loopback()) << text;
  for (const char* text : {"128.0.0.1", "::2", "::", "1::1", "::ffff:128.0.0.1"})
    EXPECT_FALSE(at(text).is_loopback()) << text;
  for (const char* text : {"0.0.0.0", "::", "::ffff:0.0.0.0"}) EXPECT_TRUE(at(text).is_unspecified()) << text;
  EXPECT_FALSE(at("::1").is_unspecified());
  EXPECT_EQ(at("::ffff:192.0.2.1").unmapped(), at("192.0.2.1"));
  EXPECT_EQ(at("2001:db8::1").unmapped(), at("2001:db8::1"));
  EXPECT_NE(at("0.0.0.0"), at("::")) << "the families differ where the bytes do not";
}

TEST(endpoint, text_both_ways) {
  for (const char* text : {"192.0.2.1:80", "[2001:db8::1]:65535", "127.0.0.1:0"}) {
    const auto parsed = endpoint::parse(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->to_string(), text);
  }
  for (const char* text :
       {"", "192.0.2.1", "192.0.2.1:", "2001:db8::1:80", "[192.0.2.1]:80", "example.org:80", ":80", "[::1]",
        "[]:80", "[::1:80", "::1]:80", "1.2.3.4:99999", "[[::1]]:80"}) {
    EXPECT_FALSE(endpoint::parse(text)) << text;
  }
}

TEST(target, a_name_or_an_address) {
  const auto name = target::parse("Example.org:443");
  ASSERT_TRUE(name);
  EXPECT_TRUE(name->is_name());
  EXPECT_EQ(name->to_string(), "Example.org:443");
  EXPECT_EQ(name->host(), "Example.org");
  const auto v6 = target::parse("[2001:DB8::1]:443");
  ASSERT_TRUE(v6);
  EXPECT_FALSE(v6->is_name());
  EXPECT_EQ(v6->to_string(), "[2001:db8::1]:443");
  EXPECT_EQ(v6->host(), "2001:db8::1");
  EXPECT_EQ(target::parse_host("[::1]", 5)->to_string(), "[::1]:5");
  EXPECT_EQ(target::parse_host("::1", 5)->to_string(), "[::1]:5");
  for (const char* text :
       {"example.org", "example.org:0", "a b:1", "1.2.3:1", "[example.org]:1", ":1", "a:b:1", "http://a:1"}) {
    EXPECT_FALSE(target::parse(text)) << text;
  }
}

TEST(port, decimal_without_ornaments) {
  EXPECT_EQ(parse_port("1"), 1);
  EXPECT_EQ(parse_port("65535"), 65535);
  EXPECT_EQ(parse_port("0", true), 0);
  for (const char* text : {"", "0", "65536", "00", "01", "+1", "-1", " 1", "1 ", "0x1", "123456", "1e3"}) {
    EXPECT_FALSE(parse_port(text)) << text;
  }
  EXPECT_FALSE(parse_port("00", true));
}

TEST(flow_key, hashes_tell_flows_apart) {
  std::unordered_set<std::size_t> seen;
  for (std::uint16_t port = 1; port < 2000; ++port) {
    flow_key key;
    key.source = {address::v4(0x7f000001), port};
    key.local = {address::v4(0x7f000001), 1080};
    seen.insert(std::hash<flow_key>{}(key));
    key.netns = 7;
    seen.insert(std::hash<flow_key>{}(key));
    key.protocol = protocol::udp;
    seen.insert(std::hash<flow_key>{}(key));
  }
  EXPECT_EQ(seen.size(), 3u * 1999u);
}

TEST(flow_key, shards_are_even_also_for_even_ports) {
  for (const std::uint32_t workers : {1u, 2u, 3u, 8u}) {
    std::vector<int> count(workers);
    for (int port = 32768; port < 61000; port += 2)
      ++count[shard_of(static_cast<std::uint16_t>(port), workers)];
    for (const int n : count) EXPECT_NEAR(n, 14116.0 / workers, 0.1 * 14116.0 / workers);
  }
}

}  // namespace
}  // namespace omnilink::core
