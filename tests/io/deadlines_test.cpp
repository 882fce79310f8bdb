#include "io/deadlines.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <random>
#include <vector>

namespace omnilink::io::test {
namespace {

using namespace std::chrono_literals;
using core::clock;

TEST(deadlines, many_fire_once_each_and_never_early) {
  boost::asio::io_context context;
  deadlines wheel{context.get_executor()};
  std::mt19937 random{1};
  constexpr int count = 10000;
  std::vector<std::unique_ptr<deadlines::timer>> timers;
  std::vector<int> fired(count);
  int early = 0;
  for (int i = 0; i < count; ++i) {
    timers.push_back(std::make_unique<deadlines::timer>(wheel));
    const auto when = clock::now() + std::chrono::milliseconds{random() % 100};
    timers.back()->arm(when, [&, i, when] {
      ++fired[static_cast<std::size_t>(i)];
      early += clock::now() < when;
    });
  }
  for (int i = 0; i < count; i += 3) timers[static_cast<std::size_t>(i)]->disarm();
  context.run();
  EXPECT_EQ(early, 0);
  for (int i = 0; i < count; ++i) {
    const auto index = static_cast<std::size_t>(i);
    ASSERT_EQ(fired[index], i % 3 == 0 ? 0 : 1) << i;
    ASSERT_EQ(timers[index]->expired(), i % 3 != 0) << i;
    ASSERT_FALSE(timers[index]->armed());
  }
}

TEST(deadlines, postponed_both_ways) {
  boost::asio::io_context context;
  deadlines wheel{context.get_executor()};
  deadlines::timer later{wheel}, sooner{wheel}, unarmed{wheel};
  std::vector<char> order;
  const auto now = clock::now();
  clock::time_point fired{};
  later.arm(now + 10ms, [&] { order.push_back('l'), fired = clock::now(); });
  sooner.arm(now + 1h, [&] { order.push_back('s'); });
  later.postpone(now + 20ms);
  later.postpone(now + 60ms);
  sooner.postpone(now + 30ms);
  unarmed.postpone(now);
  context.run();
  EXPECT_EQ(order, (std::vector<char>{'s', 'l'}));
  EXPECT_GE(fired, now + 60ms);
  EXPECT_FALSE(unarmed.expired());
}

TEST(deadlines, expiry_may_destroy_or_rearm_its_timer) {
  boost::asio::io_context context;
  deadlines wheel{context.get_executor()};
  auto gone = std::make_unique<deadlines::timer>(wheel);
  gone->arm(clock::now(), [&] { gone.reset(); });
  deadlines::timer again{wheel};
  int times = 0;
  std::function<void()> tick = [&] {
    if (++times < 3) again.arm(clock::now() + 1ms, tick);
  };
  again.arm(clock::now(), tick);
  context.run();
  EXPECT_FALSE(gone);
  EXPECT_EQ(times, 3);
}

TEST(deadlines, nothing_fires_after_the_end) {
  boost::asio::io_context context;
  bool fired = false;
  {
    deadlines destroyed{context.get_executor()};
    deadlines::timer one{destroyed};
    one.arm(clock::now(), [&] { fired = true; });
  }
  context.run();
  EXPECT_FALSE(fired);
}

TEST(deadlines, an_empty_wheel_lets_the_loop_end) {
  boost::asio::io_context context;
  deadlines wheel{context.get_executor()};
  deadlines::timer one{wheel};
  EXPECT_EQ(context.run(), 0u);
}

}  // namespace
}  // namespace omnilink::io::test
