#include "chain/route.hpp"

#include <gtest/gtest.h>

namespace omnilink::chain {
namespace {

chain out_by(const char* name) {
  chain c;
  c.name = name;
  c.hops.push_back(*parse_hop_url("socks5://h"));
  return c;
}

TEST(route, direct_without_a_chain) {
  const std::vector<chain> none;
  const router r{none, {}};
  const routed to = r.route(*core::target::parse("example.org:80"), false);
  EXPECT_TRUE(to.way->is_direct());
  EXPECT_EQ(to.way->name, "direct");
}

TEST(route, the_only_chain) {
  const std::vector<chain> one{out_by("out")};
  const router r{one, {}};
  for (const char* where : {"example.org:80", "192.0.2.1:80", "127.0.0.1:80"}) {
    EXPECT_EQ(r.route(*core::target::parse(where), false).way, &one.front()) << where;
  }
  EXPECT_EQ(r.route(*core::target::parse("192.0.2.1:80"), true).way, &one.front());
}

TEST(route, the_sandboxes_loopback_is_the_hosts_and_never_goes_through_a_chain) {
  const std::vector<chain> one{out_by("out")};
  const router r{one, {3000, 5432}};
  for (const char* where : {"127.0.0.1:3000", "[::1]:5432", "127.9.9.9:3000"}) {
    EXPECT_TRUE(r.route(*core::target::parse(where), true).way->is_direct()) << where;
  }
  EXPECT_TRUE(r.route(*core::target::parse("127.0.0.1:3001"), true).way->is_reject());
  EXPECT_EQ(r.route(*core::target::parse("127.0.0.1:3000"), false).way, &one.front());
}

TEST(route, rules_choose_by_name) {
  const std::vector<chain> two{out_by("a"), out_by("b")};
  const router r{two, {}};
  EXPECT_EQ(r.named("b"), &two[1]);
  EXPECT_EQ(r.named("c"), nullptr);
  EXPECT_EQ(r.only(), nullptr);
  EXPECT_TRUE(r.direct().is_direct());
  EXPECT_TRUE(r.reject().is_reject());
  const std::vector<chain> none;
  EXPECT_TRUE(router(none, {}).only()->is_direct());
}

TEST(route, several_chains_are_an_error_without_rules) {
  EXPECT_EQ(validate_chains({}, false), "");
  EXPECT_EQ(validate_chains({out_by("a")}, false), "");
  const std::string wrong = validate_chains({out_by("a"), out_by("b")}, false);
  EXPECT_NE(wrong.find("\"a\", \"b\""), std::string::npos) << wrong;
  EXPECT_NE(wrong.find("add [[rule]]s"), std::string::npos) << wrong;
  EXPECT_EQ(validate_chains({out_by("a"), out_by("b")}, true), "");
  EXPECT_EQ(validate_chains({out_by("a"), out_by("b"), out_by("a")}, true), "two chains with the name \"a\"");
}

}  // namespace
}  // namespace omnilink::chain
