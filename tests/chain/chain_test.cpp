#include "chain/chain.hpp"

#include <gtest/gtest.h>

namespace omnilink::chain {
namespace {

chain made_of(std::initializer_list<const char*> urls) {
  chain out;
  out.name = "out";
  for (const char* url : urls) out.hops.push_back(*parse_hop_url(url));
  return out;
}

TEST(chain, an_empty_one_and_direct_alone_are_direct) {
  EXPECT_TRUE(chain{}.is_direct());
  EXPECT_TRUE(made_of({"direct"}).is_direct());
  EXPECT_FALSE(made_of({"socks5://h"}).is_direct());
  EXPECT_TRUE(made_of({"reject"}).is_reject());
}

TEST(chain, direct_and_reject_stand_alone) {
  EXPECT_EQ(made_of({"direct"}).validate(), "");
  EXPECT_EQ(made_of({"socks5://a", "http://b", "https://c"}).validate(), "");
  EXPECT_NE(made_of({"socks5://a", "direct"}).validate().find("direct stands alone"), std::string::npos);
  EXPECT_NE(made_of({"reject", "socks5://a"}).validate().find("reject stands alone"), std::string::npos);
}

TEST(chain, has_at_most_sixteen_hops) {
  chain c = made_of({});
  c.hops.assign(hops_max, *parse_hop_url("socks5://h"));
  EXPECT_EQ(c.validate(), "");
  c.hops.push_back(c.hops.front());
  EXPECT_NE(c.validate().find("17 hops"), std::string::npos);
}

TEST(chain, names_a_hop_that_is_wrong) {
  chain c = made_of({"socks5://a"});
  c.hops[0].name = "paris";
  c.hops[0].user = "me";
  EXPECT_NE(c.validate().find("hop \"paris\": "), std::string::npos);
}

TEST(chain, socks4_is_refused_where_the_next_hop_has_a_name_or_IPv6) {
  EXPECT_EQ(made_of({"socks4://a.example", "socks5://192.0.2.1"}).validate(), "");
  EXPECT_EQ(made_of({"socks4a://a", "socks5://b.example"}).validate(), "");
  EXPECT_EQ(made_of({"socks5://a", "socks4://b.example"}).validate(), "") << "the target is not known yet";
  const std::string by_name = made_of({"socks4://192.0.2.1", "socks5://b.example"}).validate();
  EXPECT_NE(by_name.find("hop \"192.0.2.1:1080\" cannot reach socks5://b.example:1080: SOCKS4 carries no names; use socks4a"), std::string::npos) << by_name;
  for (const char* first : {"socks4://192.0.2.1", "socks4a://192.0.2.1"})
    EXPECT_NE(made_of({first, "http://[2001:db8::1]"}).validate().find("no IPv6"), std::string::npos);
}

TEST(chain, names_are_words) {
  EXPECT_EQ(validate_name("Paris-2.example_x"), "");
  EXPECT_EQ(validate_name(std::string(63, 'x')), "");
  for (const std::string bad : {"", "a|b", "a b", "a\nb", "a:b", "direct", "reject"})
    EXPECT_NE(validate_name(bad), "") << bad;
  EXPECT_NE(validate_name(std::string(64, 'x')), "");
}

TEST(chain, timeouts_have_a_range) {
  EXPECT_EQ(timeouts{}.validate(), "");
  timeouts t;
  t.hop = std::chrono::milliseconds{99};
  EXPECT_NE(t.validate().find("hop_timeout"), std::string::npos);
  t = {};
  t.chain = std::chrono::minutes{10} + core::nanoseconds{1};
  EXPECT_NE(t.validate().find("chain_timeout"), std::string::npos);
}

}  // namespace
}  // namespace omnilink::chain
