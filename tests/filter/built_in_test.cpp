// The pure parts of the built-in callouts.
#include "interceptor/filter/tag.hpp"
#include "interceptor/filter/token_bucket.hpp"
#include "setup.hpp"

namespace omnilink::interceptor::filter {
namespace {

using namespace std::chrono_literals;

constexpr core::instant start{1h};

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

class built_in : public three_sublayers {};

TEST_F(built_in, tag_puts_its_word_on_the_connection_once) {
  add_callout("video", std::make_shared<tag>("video"));
  add({make("f", action::callout(action_kind::callout_inspection, "video"))});
  flow connection;
  about.flow = &connection;
  held.now().explain(layer_id::connect_auth_v4, known, about);
  EXPECT_TRUE(connection.tags.empty());
  ask();
  ask();
  EXPECT_EQ(connection.tags, std::vector<std::string>{"video"});
  about.flow = nullptr;
  EXPECT_EQ(in_words(ask()), "none");
}

}  // namespace
}  // namespace omnilink::interceptor::filter
