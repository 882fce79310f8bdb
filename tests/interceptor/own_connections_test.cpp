#include "interceptor/own_connections.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <thread>
#include <vector>

namespace omnilink::interceptor {
namespace {

core::endpoint at(const char* text) { return *core::endpoint::parse(text); }

TEST(own_connections, A2_whichever_end_comes_second_sees_the_loop) {
  own_connections all;
  const auto dialled = all.dialled(at("198.51.100.1:40000"), at("203.0.113.1:80"));
  EXPECT_FALSE(dialled.loops);
  EXPECT_TRUE(all.accepted(at("198.51.100.1:40000"), at("203.0.113.1:80")).loops);
  EXPECT_TRUE(all.accepted(at("[::ffff:198.51.100.1]:40000"), at("203.0.113.1:80")).loops) << "IPv4 in IPv6's clothes";
  const auto accepted = all.accepted(at("[2001:db8::1]:40000"), at("[2001:db8::2]:80"));
  EXPECT_FALSE(accepted.loops);
  EXPECT_TRUE(all.dialled(at("[2001:db8::1]:40000"), at("[2001:db8::2]:80")).loops);
}

TEST(own_connections, A3_nothing_less_than_the_whole_pair_counts) {
  own_connections all;
  const auto dialled = all.dialled(at("198.51.100.1:40000"), at("203.0.113.1:80"));
  EXPECT_FALSE(all.accepted(at("198.51.100.1:40000"), at("203.0.113.1:81")).loops);
  EXPECT_FALSE(all.accepted(at("198.51.100.1:40000"), at("203.0.113.2:80")).loops);
  EXPECT_FALSE(all.accepted(at("198.51.100.1:40001"), at("203.0.113.1:80")).loops);
  EXPECT_FALSE(all.accepted(at("198.51.100.2:40000"), at("203.0.113.1:80")).loops);
  EXPECT_FALSE(all.dialled(at("198.51.100.1:40000"), at("203.0.113.1:80")).loops) << "two of ours are no loop";
}

TEST(own_connections, A3_a_closed_one_is_forgotten) {
  own_connections all;
  std::optional first = all.dialled(at("198.51.100.1:40000"), at("203.0.113.1:80"));
  std::optional second = all.dialled(at("198.51.100.1:40000"), at("203.0.113.1:80"));
  first.reset();
  EXPECT_TRUE(all.accepted(at("198.51.100.1:40000"), at("203.0.113.1:80")).loops) << "one is left";
  second.reset();
  EXPECT_FALSE(all.accepted(at("198.51.100.1:40000"), at("203.0.113.1:80")).loops);
}

TEST(own_connections, exactly_one_of_two_threads_may_miss_it_and_never_both) {
  own_connections all;
  std::vector<own_connections::remembered> dialled, accepted;
  constexpr std::uint16_t count = 2000;
  const auto work = [&](bool dials) {
    auto& into = dials ? dialled : accepted;
    for (std::uint16_t port = 1; port <= count; ++port) {
      const core::endpoint from{core::address::v4(0xc6336401), port}, to = at("203.0.113.1:80");
      into.push_back(dials ? all.dialled(from, to) : all.accepted(from, to));
    }
  };
  std::thread other{work, true};
  work(false);
  other.join();
  for (std::size_t i = 0; i < count; ++i) EXPECT_NE(dialled[i].loops, accepted[i].loops) << i;
}

}  // namespace
}  // namespace omnilink::interceptor
