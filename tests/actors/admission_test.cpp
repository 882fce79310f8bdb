#include "actors/admission.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace omnilink::actors {
namespace {

const core::address far = *core::address::parse("203.0.113.1");
const core::address other = *core::address::parse("203.0.113.2");
const core::address here = *core::address::parse("127.0.0.1");

TEST(early_drop, D4_none_below_half_all_at_the_limit_and_more_and_more_between) {
  constexpr std::uint32_t percent = 0xffffffffu / 100;
  const struct {
    std::uint32_t handshakes, most, random;
    bool drops;
  } rows[] = {
      {0, 100, 0, false},
      {49, 100, 0, false},
      {50, 100, 29 * percent, true},   // 30 % from half on
      {50, 100, 31 * percent, false},
      {75, 100, 64 * percent, true},   // 65 %
      {75, 100, 66 * percent, false},
      {99, 100, 98 * percent, true},
      {99, 100, 0xffffffffu, false},
      {100, 100, 0xffffffffu, true},
      {101, 100, 0xffffffffu, true},
      {0, 1, 0, false},
      {1, 1, 0xffffffffu, true},
      {1, 2, 29 * percent, true},
      {0x7fffffffu, 0xffffffffu, 0, false},
  };
  for (const auto& row : rows) EXPECT_EQ(drops_early(row.handshakes, row.most, row.random), row.drops) << row.handshakes << " of " << row.most;
}

TEST(source_counts, D4_an_ipv6_source_is_its_64_and_a_mapped_ipv4_address_is_itself) {
  const auto key = [](const char* text) { return source_counts::key_of(*core::address::parse(text)); };
  EXPECT_EQ(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
  EXPECT_NE(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
  EXPECT_EQ(key("::ffff:203.0.113.1"), key("203.0.113.1"));
  EXPECT_NE(key("203.0.113.1"), key("203.0.113.2"));
}

TEST(source_counts, D4_remembers_nobody_without_a_connection) {
  source_counts counts;
  using enum source_counts::outcome;
  for (std::uint64_t source = 0; source < 1000; ++source) EXPECT_EQ(counts.take(source, {1, 1}, {2, 1}), taken);
  EXPECT_EQ(counts.take(1, {1, 1}, {2, 1}), too_many_handshakes);
  EXPECT_EQ(counts.take(1, {1, 0}, {2, 1}), taken);
  EXPECT_EQ(counts.take(1, {1, 0}, {2, 1}), too_many_connections);
  EXPECT_EQ(counts.take(5000, {1, 0}, {0, 0}), too_many_connections);
  EXPECT_EQ(counts.sources(), 1000u);
  counts.give_back(1, {1, 0});
  for (std::uint64_t source = 0; source < 1000; ++source) counts.give_back(source, {1, 1});
  EXPECT_EQ(counts.sources(), 0u);
}

struct door : testing::Test {
  admission::decision knock(const core::address& from, bool asks_client = true) { return gate.decide(from, asks_client, settings, random); }
  over_limit knock_only(const core::address& from, bool asks_client = true) { return knock(from, asks_client).over; }

  service_settings settings;
  std::atomic<std::uint32_t> connections{0};
  admission gate{connections};
  std::minstd_rand random{1};
};

TEST_F(door, max_connections_is_exact_and_a_place_is_given_back) {
  settings.max_connections = 2;
  {
    const auto one = knock(far, false), two = knock(here, false);
    EXPECT_EQ(one.over, over_limit::none);
    EXPECT_EQ(two.over, over_limit::none);
    EXPECT_EQ(knock_only(far, false), over_limit::connections);
    EXPECT_EQ(connections, 2u);
  }
  EXPECT_EQ(connections, 0u);
  EXPECT_EQ(knock_only(far, false), over_limit::none);
  EXPECT_EQ(gate.turned_away(over_limit::connections), 1u);
}

TEST_F(door, D4_a_source_has_64_handshakes_and_loopback_as_many_as_there_are) {
  settings.max_connections = 10000;
  std::vector<admission::decision> held;
  for (int i = 0; i < 64; ++i) {
    held.push_back(knock(far));
    ASSERT_EQ(held.back().over, over_limit::none) << i;
  }
  EXPECT_EQ(knock_only(far), over_limit::handshakes_of_source);
  EXPECT_EQ(knock_only(far, false), over_limit::none) << "that one is of an intercepted program";
  EXPECT_EQ(knock_only(other), over_limit::none);
  for (int i = 0; i < 1000; ++i) held.push_back(knock(here));
  EXPECT_EQ(held.back().over, over_limit::none);
  held.front().held.end_handshake();
  held.front().held.end_handshake();  // only once
  held.push_back(knock(far));
  EXPECT_EQ(held.back().over, over_limit::none);
  EXPECT_EQ(knock_only(far), over_limit::handshakes_of_source);
  held.clear();
  EXPECT_EQ(gate.handshakes(), 0u);
  EXPECT_EQ(gate.by_source().sources(), 0u);
  EXPECT_EQ(connections, 0u);
}

TEST_F(door, D4_all_handshakes_together_are_limited_and_some_are_dropped_before) {
  settings.max_connections = 10000;
  settings.max_handshakes = 100;
  std::vector<admission::decision> held;
  int dropped = 0;
  for (int i = 0; held.size() < 100; ++i) {
    ASSERT_LT(i, 100000);
    auto one = knock(here);
    if (one.over == over_limit::none) {
      held.push_back(std::move(one));
    } else {
      ++dropped;
      EXPECT_GE(held.size(), 50u);
    }
  }
  EXPECT_GT(dropped, 0);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(knock_only(here), over_limit::handshakes);
  EXPECT_EQ(gate.turned_away(over_limit::handshakes), static_cast<std::uint64_t>(dropped) + 50);
}

TEST_F(door, D4_connections_of_a_source_are_limited_where_the_configuration_says_so) {
  settings.max_connections = 100;
  settings.max_connections_per_source = 2;
  const auto one = knock(here), two = knock(here, false);
  EXPECT_EQ(knock_only(here), over_limit::connections_of_source);
  EXPECT_EQ(knock_only(here, false), over_limit::connections_of_source);
  EXPECT_EQ(knock_only(other), over_limit::none);
  EXPECT_EQ(connections, 2u);
}

TEST_F(door, D5_waits_while_memory_allows_no_more) {
  settings.max_connections = 100;
  EXPECT_FALSE(gate.must_wait());
  gate.allow(1);
  EXPECT_FALSE(gate.must_wait());
  const auto one = knock(far);
  EXPECT_TRUE(gate.must_wait());
  gate.allow(2);
  EXPECT_FALSE(gate.must_wait());
}

TEST_F(door, workers_that_meet_here_leave_exact_counts) {
  settings.max_connections = 50;
  settings.max_connections_per_source = 40;
  std::vector<std::thread> workers;
  for (unsigned w = 0; w < 4; ++w) {
    workers.emplace_back([this, w] {
      std::minstd_rand own{w + 1};
      for (int i = 0; i < 20000; ++i) {
        auto decided = gate.decide(i % 3 == 0 ? far : other, true, settings, own);
        if (i % 2 == 0) decided.held.end_handshake();
      }
    });
  }
  for (auto& one : workers) one.join();
  EXPECT_EQ(connections, 0u);
  EXPECT_EQ(gate.handshakes(), 0u);
  EXPECT_EQ(gate.by_source().sources(), 0u);
}

}  // namespace
}  // namespace omnilink::actors
