#include "core/cidr.hpp"

#include <gtest/gtest.h>

namespace omnilink::core {
namespace {

address at(const char* text) { return *address::parse(text); }
std::string refused(const char* text) {
  EXPECT_FALSE(cidr::parse(text)) << text;
  return describe_bad_cidr(text);
}
cidr net(const char* text) { return *cidr::parse(text); }

TEST(cidr, is_read_and_written) {
  for (const char* text : {"0.0.0.0/0", "10.0.0.0/8", "192.0.2.128/25", "192.0.2.1/32", "::/0", "2001:db8::/32", "2001:db8::1/128"})
    EXPECT_EQ(net(text).to_string(), text);
  EXPECT_EQ(net("192.0.2.1").to_string(), "192.0.2.1/32");
  EXPECT_EQ(net("2001:db8::1").to_string(), "2001:db8::1/128");
  EXPECT_EQ(net("::ffff:10.0.0.0/104"), net("10.0.0.0/8"));
}

TEST(cidr, what_is_wrong_is_said) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0/8", "::/129", "host/8"})
    EXPECT_NE(refused(text).find("is not a network such as"), std::string::npos) << text;
  EXPECT_NE(refused("10.1.2.3/8").find("is 10.0.0.0/8 meant?"), std::string::npos);
  EXPECT_NE(refused("2001:db8::1/32").find("is 2001:db8::/32 meant?"), std::string::npos);
}

TEST(cidr, E6_contains_is_exact_at_every_bit_and_for_mapped_addresses) {
  EXPECT_TRUE(net("10.0.0.0/8").contains(at("10.255.255.255")));
  EXPECT_FALSE(net("10.0.0.0/8").contains(at("11.0.0.0")));
  EXPECT_TRUE(net("10.0.0.0/8").contains(at("::ffff:10.1.2.3")));
  EXPECT_FALSE(net("::/0").contains(at("10.1.2.3")));
  EXPECT_FALSE(net("::/0").contains(at("::ffff:10.1.2.3")));
  EXPECT_FALSE(net("0.0.0.0/0").contains(at("::1")));
  for (unsigned prefix = 1; prefix <= 32; ++prefix) {
    const auto ones = address::v4(~0u << (32 - prefix));
    const auto flipped = address::v4((~0u << (32 - prefix)) ^ (1u << (32 - prefix)));
    const auto network = cidr::make(ones, prefix);
    ASSERT_TRUE(network) << prefix;
    EXPECT_TRUE(network->contains(address::v4(~0u)));
    EXPECT_FALSE(network->contains(flipped)) << prefix;
    EXPECT_EQ(cidr::make(address::v4(~0u), prefix).has_value(), prefix == 32);
  }
}

}  // namespace
}  // namespace omnilink::core
