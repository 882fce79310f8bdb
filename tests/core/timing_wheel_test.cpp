// The wheel against a sorted map, and at the edges of the clock.
#include "core/timing_wheel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <vector>

namespace omnilink::core {
namespace {

using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int operations = 200'000;
#else
constexpr int operations = 500'000;
#endif

constexpr nanoseconds resolution = 5ms;
constexpr nanoseconds wrap_of_32_bit_ms = 4'294'967'296ms;  // 49.7 days

instant at(nanoseconds since_epoch) {
  return instant{since_epoch};
}

// Pops until nullptr; every node must be due.
std::set<timing_wheel_node*> pop_all(timing_wheel& wheel, instant now) {
  std::set<timing_wheel_node*> out;
  while (timing_wheel_node* node = wheel.pop_due(now)) {
    EXPECT_LE(node->due(), now);
    EXPECT_FALSE(node->linked());
    EXPECT_TRUE(out.insert(node).second);
  }
  return out;
}

// Sleeps as a driver does, until a node fires; returns when that was. `wakes` counts the sleeps.
instant sleep_until_fired(timing_wheel& wheel, instant now, int& wakes) {
  for (wakes = 0; wakes < 100; ++wakes) {
    const auto next = wheel.next_due();
    if (!next) break;
    now = std::max(now, *next);
    if (wheel.pop_due(now)) return now;
  }
  ADD_FAILURE() << "nothing fired";
  return now;
}

TEST(timing_wheel, an_empty_wheel_has_nothing_due) {
  timing_wheel wheel{resolution};
  EXPECT_EQ(wheel.next_due(), std::nullopt);
  EXPECT_EQ(wheel.pop_due(instant::max()), nullptr);
}

TEST(timing_wheel, fires_within_one_resolution_and_never_early) {
  for (const nanoseconds due :
       {1ns, 1'000'000ns, 4'999'999ns, 5'000'000ns, 5'000'001ns, 319'999'999ns, 320'000'001ns}) {
    timing_wheel wheel{resolution};
    timing_wheel_node node;
    wheel.link(node, at(due));
    EXPECT_EQ(wheel.pop_due(at(due - 1ns)), nullptr) << due.count();
    EXPECT_EQ(wheel.pop_due(at(due + resolution - 1ns)), &node) << due.count();
    EXPECT_EQ(wheel.next_due(), std::nullopt);
  }
}

TEST(timing_wheel, a_due_time_in_the_past_fires_at_the_next_advance) {
  timing_wheel wheel{resolution, at(10s)};
  timing_wheel_node now, past, long_ago;
  wheel.link(now, at(10s));
  wheel.link(past, at(9s));
  wheel.link(long_ago, instant::min());
  EXPECT_EQ(wheel.next_due(), instant::min());
  EXPECT_EQ(pop_all(wheel, at(10s)).size(), 3u);
}

TEST(timing_wheel, relinking_moves_and_unlinking_forgets) {
  timing_wheel wheel{resolution};
  timing_wheel_node moved, dropped;
  wheel.link(moved, at(1s));
  wheel.link(dropped, at(1s));
  wheel.link(moved, at(3s));
  dropped.unlink();
  dropped.unlink();
  EXPECT_TRUE(moved.linked());
  EXPECT_FALSE(dropped.linked());
  EXPECT_TRUE(pop_all(wheel, at(2s)).empty());
  EXPECT_EQ(pop_all(wheel, at(3s)), std::set{&moved});
}

TEST(timing_wheel, unlinking_the_last_node_leaves_the_wheel_empty) {
  timing_wheel wheel{resolution};
  timing_wheel_node node;
  wheel.link(node, at(1h));
  node.unlink();
  EXPECT_EQ(wheel.next_due(), std::nullopt);
  EXPECT_EQ(wheel.pop_due(at(2h)), nullptr);
  wheel.link(node, at(3h));
  EXPECT_EQ(wheel.pop_due(at(3h)), &node);
}

TEST(timing_wheel, a_destroyed_node_is_gone_and_a_destroyed_wheel_lets_go) {
  timing_wheel_node survivor;
  {
    timing_wheel wheel{resolution};
    timing_wheel_node other;
    {
      timing_wheel_node dead;
      wheel.link(dead, at(1s));
      wheel.link(other, at(1s));
    }
    EXPECT_EQ(pop_all(wheel, at(1s)), std::set{&other});
    wheel.link(survivor, at(48h));
  }
  EXPECT_FALSE(survivor.linked());
}

TEST(timing_wheel, popping_may_stop_at_any_node_and_go_on_later) {
  timing_wheel wheel{resolution};
  std::vector<timing_wheel_node> nodes(1000);
  for (auto& node : nodes) wheel.link(node, at(21s));
  for (int i = 0; i < 400; ++i) ASSERT_NE(wheel.pop_due(at(21s)), nullptr);
  ASSERT_TRUE(wheel.next_due());
  EXPECT_LE(*wheel.next_due(), at(21s));
  timing_wheel_node later, earlier;  // linked in the middle of it
  wheel.link(later, at(30s));
  wheel.link(earlier, at(1s));
  EXPECT_EQ(pop_all(wheel, at(25s)).size(), 601u);
  EXPECT_EQ(pop_all(wheel, at(30s)), std::set{&later});
}

TEST(timing_wheel, an_interrupted_cascade_keeps_nodes_that_are_not_due) {
  timing_wheel wheel{resolution};
  timing_wheel_node first, second, third;  // all in one slot of a high level
  wheel.link(first, at(1h));
  wheel.link(second, at(1h + 1s));
  wheel.link(third, at(1h + 2s));
  EXPECT_EQ(wheel.pop_due(at(1h)), &first);
  first.unlink();
  EXPECT_LE(*wheel.next_due(), at(1h + 1s));
  EXPECT_EQ(pop_all(wheel, at(1h + 1s)), std::set{&second});
  EXPECT_EQ(pop_all(wheel, at(1h + 2s)), std::set{&third});
}

TEST(timing_wheel, D7_is_exact_around_every_edge_of_the_clock) {
  const nanoseconds half = nanoseconds::max() / 2;
  for (const nanoseconds start :
       {nanoseconds{0}, wrap_of_32_bit_ms - 1s, wrap_of_32_bit_ms, 2 * wrap_of_32_bit_ms - 1ns,
        nanoseconds{std::int64_t{1} << 53}, half - 1s, half, -half, nanoseconds{-1}}) {
    for (const nanoseconds ahead : {1ns, 5'000'000ns, 1'000'000'000ns, 30'000'000'000ns, 86'400'000'000'000ns,
                                    nanoseconds{wrap_of_32_bit_ms}, nanoseconds{24h * 365 * 20}}) {
      timing_wheel wheel{resolution, at(start)};
      timing_wheel_node node, far;
      wheel.link(node, at(start + ahead));
      wheel.link(far, instant::max());
      EXPECT_EQ(wheel.pop_due(at(start + ahead - 1ns)), nullptr);
      int wakes = 0;
      const instant fired = sleep_until_fired(wheel, at(start + ahead - 1ns), wakes);
      EXPECT_FALSE(node.linked());
      EXPECT_GE(fired, at(start + ahead));
      EXPECT_LT(fired, at(start + ahead) + resolution);
      EXPECT_TRUE(far.linked());
    }
  }
}

TEST(timing_wheel, a_driver_that_sleeps_wakes_a_bounded_number_of_times) {
  timing_wheel wheel{resolution};
  timing_wheel_node node;
  wheel.link(node, at(24h * 365));
  int wakes = 0;
  const instant fired = sleep_until_fired(wheel, instant{}, wakes);
  EXPECT_LT(fired - at(24h * 365), resolution);
  EXPECT_LE(wakes, 11);  // one per level
}

TEST(timing_wheel, an_instant_at_the_end_of_time_fires_there_only) {
  timing_wheel wheel{1ns};
  timing_wheel_node node;
  wheel.link(node, instant::max());
  EXPECT_EQ(wheel.pop_due(instant::max() - 1ns), nullptr);
  EXPECT_EQ(wheel.pop_due(instant::max()), &node);
}

TEST(timing_wheel, a_resolution_of_zero_counts_as_one_nanosecond) {
  timing_wheel wheel{0ns};
  timing_wheel_node node;
  wheel.link(node, at(7ns));
  EXPECT_EQ(wheel.pop_due(at(6ns)), nullptr);
  EXPECT_EQ(wheel.pop_due(at(7ns)), &node);
}

TEST(timing_wheel, time_that_runs_backwards_is_ignored) {
  timing_wheel wheel{resolution, at(100s)};
  timing_wheel_node node;
  wheel.link(node, at(101s));
  const auto next = wheel.next_due();
  EXPECT_EQ(wheel.pop_due(at(1s)), nullptr);
  EXPECT_EQ(wheel.pop_due(instant::min()), nullptr);
  EXPECT_EQ(wheel.next_due(), next);
  EXPECT_EQ(wheel.pop_due(at(101s)), &node);
}

TEST(timing_wheel, after_a_long_idle_time_the_next_sleep_is_as_good_as_at_the_start) {
  timing_wheel wheel{resolution};
  EXPECT_EQ(wheel.pop_due(at(24h)), nullptr);
  timing_wheel_node node;
  wheel.link(node, at(24h + resolution));
  EXPECT_EQ(wheel.next_due(), at(24h + resolution));
}

// Random links, moves, unlinks and jumps, at several starts; some pops are given up half-way.
class timing_wheel_model : public testing::TestWithParam<nanoseconds> {};

TEST_P(timing_wheel_model, agrees_with_a_sorted_map) {
  std::mt19937_64 random{42};
  const auto below = [&random](std::uint64_t n) { return random() % n; };
  instant now = at(GetParam());
  timing_wheel wheel{resolution, now};
  std::vector<timing_wheel_node> nodes(300);
  std::set<std::pair<instant, timing_wheel_node*>> model;

  const auto forget = [&model](timing_wheel_node& node) { model.erase({node.due(), &node}); };
  const auto span = [&]() -> nanoseconds {
    const std::uint64_t most = std::uint64_t{1} << (10 + below(44));  // 1 us to 104 days
    return nanoseconds{static_cast<std::int64_t>(below(most))};
  };
  for (int i = 0; i < operations / 4; ++i) {
    timing_wheel_node& node = nodes[below(nodes.size())];
    const auto what = below(10);
    if (what < 6) {
      forget(node);
      const instant due = below(20) == 0 ? now - span() : now + span();
      wheel.link(node, due);
      model.emplace(due, &node);
    } else if (what == 6) {
      forget(node);
      node.unlink();
    } else {
      now += below(50) == 0 ? span() : span() % nanoseconds{1s};
      if (below(4) == 0 && wheel.next_due()) now = std::max(now, *wheel.next_due());
      const bool give_up = below(3) == 0;
      std::size_t taken = 0;
      timing_wheel_node* fired = nullptr;
      while ((!give_up || taken < 2) && (fired = wheel.pop_due(now))) {
        ASSERT_LE(fired->due(), now);
        ASSERT_EQ(model.erase({fired->due(), fired}), 1u);
        ++taken;
      }
      if (fired == nullptr && !model.empty()) {
        ASSERT_GT(model.begin()->first + resolution, now);
      }
    }
    const auto next = wheel.next_due();
    ASSERT_EQ(next.has_value(), !model.empty());
    if (next) {
      ASSERT_LT(*next, model.begin()->first + resolution);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(starts, timing_wheel_model,
                         testing::Values(nanoseconds{0}, wrap_of_32_bit_ms - 10s,
                                         nanoseconds::max() / 2 - 10s, -nanoseconds{1s}));

}  // namespace
}  // namespace omnilink::core
