#include "nat/names.hpp"

#include <gtest/gtest.h>

#include <unordered_set>

namespace omnilink::nat {
namespace {

core::address parse(std::string_view text) {
  return core::address::parse(text).value();
}

TEST(names, the_first_name_gets_number_two) {
  names table;
  const auto pair = table.assign("example.org");
  ASSERT_TRUE(pair);
  EXPECT_EQ(pair->v4.to_string(), "198.18.0.2");
  EXPECT_EQ(pair->v6.to_string(), "fd6f:6d6e:1::2");
  EXPECT_EQ(table.find(pair->v4), "example.org");
  EXPECT_EQ(table.find(pair->v6), "example.org");
  EXPECT_EQ(table.find(parse("::ffff:198.18.0.2")), "example.org");
}

TEST(names, are_compared_without_case_and_final_dot) {
  names table;
  const auto pair = table.assign("Example.ORG.");
  for (const char* same : {"example.org", "EXAMPLE.org", "example.org."}) {
    const auto again = table.assign(same);
    ASSERT_TRUE(again) << same;
    EXPECT_EQ(again->v4, pair->v4) << same;
    EXPECT_EQ(again->v6, pair->v6) << same;
  }
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(table.find(pair->v4), "example.org");
  EXPECT_NE(table.assign("example.org.uk")->v4, pair->v4);
}

TEST(names, C7_what_is_no_host_name_gets_no_address) {
  names table;
  for (const std::string_view bad :
       {std::string_view{""}, std::string_view{"."}, std::string_view{"a..b"}, std::string_view{"a b"},
        std::string_view{"a\r\nb"}, std::string_view{"a\0b", 3}, std::string_view{"1.2.3.4"}}) {
    EXPECT_FALSE(table.assign(bad)) << bad;
  }
  EXPECT_FALSE(table.assign(std::string(63, 'a') + "." + std::string(63, 'a') + "." + std::string(63, 'a') +
                            "." + std::string(63, 'a')));
  EXPECT_EQ(table.size(), 0u);
}

TEST(names, the_pool_is_bounded_and_every_address_is_used_once) {
  names table;
  std::unordered_set<core::address> seen;
  std::size_t given = 0;
  while (const auto pair = table.assign("host-" + std::to_string(given) + ".example")) {
    ASSERT_TRUE(seen.insert(pair->v4).second);
    ASSERT_TRUE(seen.insert(pair->v6).second);
    ASSERT_TRUE(names::in_pool(pair->v4));
    ASSERT_TRUE(names::in_pool(pair->v6));
    ++given;
    ASSERT_LE(given, names::pool_size);
  }
  EXPECT_EQ(given,
            names::pool_size - 3);  // without the network's, the sandbox's own and the broadcast address
  EXPECT_EQ(table.size(), given);
  for (const char* never :
       {"198.18.0.0", "198.18.0.1", "198.19.255.255", "fd6f:6d6e:1::", "fd6f:6d6e:1::1"}) {
    EXPECT_FALSE(seen.contains(parse(never))) << never;
    EXPECT_EQ(table.find(parse(never)), "") << never;
  }
  EXPECT_TRUE(seen.contains(parse("198.19.255.254")));
  for (std::size_t i = 0; i < given; i += 97) {  // full: the known ones still answer, with the same address
    const std::string name = "host-" + std::to_string(i) + ".example";
    const auto pair = table.assign(name);
    ASSERT_TRUE(pair);
    EXPECT_EQ(table.find(pair->v4), name);
    EXPECT_EQ(table.find(pair->v6), name);
  }
  EXPECT_EQ(table.size(), given);
}

TEST(names, the_pools_end_where_they_should) {
  for (const char* in : {"198.18.0.0", "198.18.0.1", "198.19.255.255", "::ffff:198.18.7.7",
                         "fd6f:6d6e:1::", "fd6f:6d6e:1:0:ffff:ffff:ffff:ffff"}) {
    EXPECT_TRUE(names::in_pool(parse(in))) << in;
  }
  for (const char* out : {"198.17.255.255", "198.20.0.0", "0.0.0.0", "255.255.255.255",
                          "fd6f:6d6e:0:ffff::", "fd6f:6d6e:1:1::", "::", "::198.18.0.2"}) {
    EXPECT_FALSE(names::in_pool(parse(out))) << out;
  }
}

TEST(names, addresses_that_were_not_given_out_have_no_name) {
  names table;
  ASSERT_TRUE(table.assign("one.example"));
  for (const char* unknown :
       {"198.18.0.3", "198.19.255.254", "fd6f:6d6e:1::3", "fd6f:6d6e:1::2:0:2", "fd6f:6d6e:1::1:0:0:2",
        "fd6f:6d6e:1::ffff:ffff", "fd6f:6d6e:1::2:2", "192.0.2.2", "2001:db8::2"}) {
    EXPECT_EQ(table.find(parse(unknown)), "") << unknown;
  }
}

}  // namespace
}  // namespace omnilink::nat
