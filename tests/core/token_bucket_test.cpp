#include "core/token_bucket.hpp"

#include <gtest/gtest.h>

namespace omnilink::core {
namespace {

using namespace std::chrono_literals;

constexpr instant start{1h};

TEST(token_bucket, a_burst_and_then_the_rate) {
  token_bucket bucket{10, 3};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.take(1, start));
  EXPECT_FALSE(bucket.take(1, start));
  EXPECT_FALSE(bucket.take(1, start + 99ms));
  EXPECT_TRUE(bucket.take(1, start + 100ms));
  EXPECT_FALSE(bucket.take(1, start + 199ms));
  EXPECT_TRUE(bucket.take(1, start + 200ms));
}

TEST(token_bucket, it_fills_up_to_the_burst_and_not_further) {
  token_bucket bucket{10, 3};
  EXPECT_TRUE(bucket.take(3, start));
  EXPECT_TRUE(bucket.take(3, start + 1h));
  EXPECT_FALSE(bucket.take(1, start + 1h));
  EXPECT_FALSE(bucket.take(4, start + 2h)) << "never more than the burst";
}

TEST(token_bucket, what_is_refused_costs_nothing) {
  token_bucket bucket{1, 2};
  EXPECT_TRUE(bucket.take(1, start));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(bucket.take(2, start));
  EXPECT_TRUE(bucket.take(1, start));
}

TEST(token_bucket, asking_takes_nothing) {
  token_bucket bucket{1, 1};
  EXPECT_TRUE(bucket.is_full(start));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.has(1, start));
  EXPECT_TRUE(bucket.take(1, start));
  EXPECT_FALSE(bucket.has(1, start + 999ms));
  EXPECT_FALSE(bucket.is_full(start + 999ms));
  EXPECT_TRUE(bucket.has(1, start + 1s));
  EXPECT_TRUE(bucket.is_full(start + 1s));
}

TEST(token_bucket, bytes_are_charged_and_waited_for) {
  token_bucket bucket{1'000'000, 65536};
  EXPECT_EQ(bucket.charge(65536, start), 0ns);
  EXPECT_EQ(bucket.charge(1'000'000, start), 1s);
  EXPECT_EQ(bucket.charge(1, start + 1s), 1us);
}

TEST(token_bucket, the_largest_rate_and_burst_do_not_overflow) {
  token_bucket slow{1, token_bucket::tokens_max};
  EXPECT_TRUE(slow.take(token_bucket::tokens_max, start));
  EXPECT_FALSE(slow.take(1, start));
  for (int i = 0; i < 3; ++i) EXPECT_GT(slow.charge(token_bucket::tokens_max, start), 0ns);
  EXPECT_FALSE(slow.take(1, start));
  token_bucket fast{token_bucket::tokens_max, 1};
  EXPECT_TRUE(fast.take(1, start));
  EXPECT_TRUE(fast.take(1, start + 1ns));
}

}  // namespace
}  // namespace omnilink::core
