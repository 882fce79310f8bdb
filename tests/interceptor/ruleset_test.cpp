#include "interceptor/ruleset.hpp"

#include <gtest/gtest.h>

#include "nat/names.hpp"

namespace omnilink::interceptor {
namespace {

constexpr sandbox_ports ports{1001, 1002, 1003, 1004, 1005, 1006};

std::size_t place_of(const std::string& rules, std::string_view line) {
  const auto found = rules.find(line);
  EXPECT_NE(found, std::string::npos) << line << " is not in\n" << rules;
  return found;
}

TEST(ruleset, names_come_before_our_own_addresses_and_these_before_the_rest) {
  const std::uint16_t host[] = {3000, 5432};
  const std::string rules = sandbox_ruleset(ports, host);
  const auto guard = place_of(rules, "tcp flags & (syn | ack) != syn accept\n");
  const auto names = place_of(rules, "meta nfproto ipv6 tcp dport 53 redirect to :1006\n");
  const auto loopback = place_of(rules, "ip daddr 127.0.0.1 tcp dport { 3000, 5432 } redirect to :1001\n");
  const auto own = place_of(rules, "ip daddr { 127.0.0.0/8, 198.18.0.1 } accept\n");
  const auto rest = place_of(rules, "meta nfproto ipv4 meta l4proto tcp redirect to :1001\n");
  const auto udp = place_of(rules, "meta l4proto udp redirect to :9\n");
  EXPECT_LT(guard, names);
  EXPECT_LT(names, loopback);
  EXPECT_LT(loopback, own);
  EXPECT_LT(own, rest);
  EXPECT_LT(rest, udp);
}

TEST(ruleset, every_port_is_used_for_its_family_and_protocol) {
  const std::string rules = sandbox_ruleset(ports, {});
  place_of(rules, "meta nfproto ipv4 meta l4proto tcp redirect to :1001\n");
  place_of(rules, "meta nfproto ipv6 meta l4proto tcp redirect to :1002\n");
  place_of(rules, "meta nfproto ipv4 udp dport 53 redirect to :1003\n");
  place_of(rules, "meta nfproto ipv6 udp dport 53 redirect to :1004\n");
  place_of(rules, "meta nfproto ipv4 tcp dport 53 redirect to :1005\n");
  place_of(rules, "meta nfproto ipv6 tcp dport 53 redirect to :1006\n");
  EXPECT_EQ(rules.find("ip daddr 127.0.0.1 tcp"), std::string::npos) << "no host port was asked for";
}

TEST(ruleset, our_own_addresses_are_no_names) {
  nat::names names;
  EXPECT_FALSE(nat::names::in_pool(sandbox_address_v6()));
  const auto first = names.assign("some.name");
  ASSERT_TRUE(first);
  EXPECT_NE(first->v4, sandbox_address_v4());
}

}  // namespace
}  // namespace omnilink::interceptor
