// What each operation of a shard promises, one at a time.
#include "nat/table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace omnilink::nat {
namespace {

using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t reuse_cycles = 200'000;
#else
constexpr std::uint64_t reuse_cycles = 1'000'000;
#endif

constexpr core::instant start{1h};

core::endpoint where(std::string_view text) {
  return core::endpoint::parse(text).value();
}

core::flow_key key_of(std::string_view source, std::string_view local = "192.0.2.1:12345") {
  core::flow_key key;
  key.source = where(source);
  key.local = where(local);
  return key;
}

core::flow_key numbered_key(std::uint32_t n) {
  core::flow_key key;
  key.source = {core::address::v4(0x0a000000 + (n >> 14)), static_cast<std::uint16_t>(1024 + (n & 0x3fff))};
  key.local = where("192.0.2.1:12345");
  return key;
}

entry flow_of(core::flow_key key, std::uint64_t connection = 0) {
  entry out;
  out.key = key;
  out.connection = connection;
  out.original = core::target{"example.org", 443};
  return out;
}

// Of a live flow.
void forget(table& t, const core::flow_key& key) {
  if (const entry* flow = t.find(key)) t.close(key, flow->generation, start);
  t.erase(key);
}

TEST(nat_config, names_the_key_that_is_out_of_range) {
  EXPECT_EQ(config{}.validate(), "");
  const auto complaint = [](auto change) {
    config c;
    change(c);
    const std::string text = c.validate();
    return text.substr(0, text.find(':'));
  };
  EXPECT_EQ(complaint([](config& c) { c.capacity = 0; }), "nat.capacity");
  EXPECT_EQ(complaint([](config& c) { c.capacity = (16u << 20) + 1; }), "nat.capacity");
  EXPECT_EQ(complaint([](config& c) { c.linger = -1ns; }), "nat.linger");
  EXPECT_EQ(complaint([](config& c) { c.linger = 1h + 1ns; }), "nat.linger");
  EXPECT_EQ(complaint([](config& c) { c.ttl = 999ms; }), "nat.ttl");
  EXPECT_EQ(complaint([](config& c) { c.ttl = 24h + 1ns; }), "nat.ttl");
  EXPECT_EQ(complaint([](config& c) { c = {1, 0s, 1s}; }), "");
  EXPECT_EQ(complaint([](config& c) { c = {16u << 20, 1h, 24h}; }), "");
}

TEST(nat_table, a_flow_is_found_by_its_whole_key_only) {
  table t{config{}, 16, start};
  const core::flow_key key = key_of("10.0.0.1:5000");
  const auto [code, generation] = t.insert(flow_of(key, 7), start);
  ASSERT_EQ(code, core::errc::ok);
  EXPECT_NE(generation, 0u);

  const entry* found = t.find(key);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->connection, 7u);
  EXPECT_EQ(found->generation, generation);
  EXPECT_EQ(found->created, start);
  EXPECT_EQ(found->state, flow_state::live);
  EXPECT_EQ(found->original.to_string(), "example.org:443");

  EXPECT_EQ(t.find(key_of("10.0.0.1:5001")), nullptr);
  EXPECT_EQ(t.find(key_of("10.0.0.2:5000")), nullptr);
  EXPECT_EQ(t.find(key_of("10.0.0.1:5000", "192.0.2.1:12346")), nullptr);
  EXPECT_EQ(t.find(key_of("10.0.0.1:5000", "192.0.2.2:12345")), nullptr);
  core::flow_key other = key;
  other.netns = 1;
  EXPECT_EQ(t.find(other), nullptr);
  other = key;
  other.protocol = core::protocol::udp;
  EXPECT_EQ(t.find(other), nullptr);
}

TEST(nat_table, a_closed_flow_answers_until_its_linger_is_over) {
  table t{config{.linger = 30s}, 16, start};
  const core::flow_key key = key_of("10.0.0.1:5000");
  const auto generation = t.insert(flow_of(key), start).generation;
  EXPECT_EQ(t.next_due(), std::nullopt);
  ASSERT_TRUE(t.close(key, generation, start + 5s));
  EXPECT_EQ(t.next_due(), start + 35s);
  EXPECT_TRUE(t.close(key, generation, start + 20s));  // again: the first one counts
  EXPECT_EQ(t.sweep(start + 35s - 1ns, 100), 0u);
  ASSERT_NE(t.find(key), nullptr);
  EXPECT_EQ(t.find(key)->state, flow_state::closed);
  EXPECT_EQ(t.find(key)->closed, start + 5s);
  EXPECT_EQ(t.sweep(start + 35s, 100), 1u);
  EXPECT_EQ(t.find(key), nullptr);
  EXPECT_EQ(t.next_due(), std::nullopt);
}

TEST(nat_table, a_linger_of_zero_ends_at_the_next_sweep) {
  table t{config{.linger = 0s}, 16, start};
  const core::flow_key key = key_of("10.0.0.1:5000");
  t.close(key, t.insert(flow_of(key), start).generation, start);
  EXPECT_EQ(t.next_due(), start);
  EXPECT_EQ(t.sweep(start, 100), 1u);
}

TEST(nat_table, A5_an_old_generation_closes_nothing) {
  table t{config{}, 16, start};
  const core::flow_key key = key_of("10.0.0.1:5000");
  const auto first = t.insert(flow_of(key, 1), start).generation;
  const auto second = t.insert(flow_of(key, 2), start + 1s).generation;
  EXPECT_GT(second, first);
  EXPECT_FALSE(t.close(key, first, start + 2s));
  EXPECT_EQ(t.find(key)->state, flow_state::live);
  EXPECT_EQ(t.find(key)->connection, 2u);
  EXPECT_EQ(t.stats().replaced, 1u);
  EXPECT_EQ(t.stats().live, 1u);
  EXPECT_TRUE(t.close(key, second, start + 2s));
  EXPECT_FALSE(t.close(key_of("10.0.0.1:5001"), second, start));
}

// Connections come and go on few ports, faster than they expire; the close of a use may come after the next
// one began.
TEST(nat_table, A5_port_reuse) {
  table t{config{.linger = 30s}, 64, start};
  constexpr std::uint32_t ports = 16;
  struct use {
    std::uint64_t connection = 0;
    std::uint64_t generation = 0;
  };
  std::array<use, ports> now_on{}, before{};
  std::uint64_t stale = 0;
  core::instant now = start;
  for (std::uint64_t i = 1; i <= reuse_cycles; ++i) {
    now += 1ms;
    const std::uint32_t port = static_cast<std::uint32_t>(i * 7) % ports;
    const core::flow_key key = numbered_key(port);
    before[port] = now_on[port];
    const auto [code, generation] = t.insert(flow_of(key, i), now);
    ASSERT_EQ(code, core::errc::ok);
    now_on[port] = {i, generation};
    if (before[port].generation != 0 && i % 3 == 0) t.close(key, before[port].generation, now);  // late
    const entry* found = t.find(key);
    ASSERT_NE(found, nullptr);
    stale += found->connection != i || found->generation != generation || found->state != flow_state::live;
    const auto by_source = t.find_source(key.source);
    stale += by_source.size() != 1 || by_source.front().connection != i;
    if (i % 3 != 0) {
      ASSERT_TRUE(t.close(key, generation, now));
    }
    t.sweep(now, 8);
  }
  EXPECT_EQ(stale, 0u);
  EXPECT_EQ(t.stats().inserted, reuse_cycles);
  EXPECT_EQ(t.stats().replaced, reuse_cycles - ports);
}

TEST(nat_table, A6_the_sweep_never_takes_a_live_flow_and_leaves_nothing_behind) {
  constexpr std::uint32_t count = 20'000;
  table t{config{.linger = 30s}, count, start};
  std::vector<std::uint64_t> generations;
  for (std::uint32_t i = 0; i < count; ++i)
    generations.push_back(t.insert(flow_of(numbered_key(i)), start).generation);
  EXPECT_EQ(t.sweep(start + 24h * 365 * 100, count), 0u);
  for (std::uint32_t i = 0; i < count; i += 2)
    ASSERT_TRUE(t.close(numbered_key(i), generations[i], start + i * 1us));
  core::instant now = start + 24h;
  EXPECT_EQ(t.sweep(now, count), count / 2);
  EXPECT_EQ(t.sweep(now + 24h * 365 * 100, count), 0u);
  for (std::uint32_t i = 0; i < count; ++i) ASSERT_EQ(t.find(numbered_key(i)) != nullptr, i % 2 == 1) << i;
  for (std::uint32_t i = 1; i < count; i += 2) ASSERT_TRUE(t.close(numbered_key(i), generations[i], now));
  EXPECT_EQ(t.sweep(now + 30s, count), count / 2);
  EXPECT_EQ(t.stats().live + t.stats().closed, 0u);
  EXPECT_EQ(t.stats().expired, count);
  EXPECT_EQ(t.next_due(), std::nullopt);
  EXPECT_TRUE(t.list(0, count).entries.empty());
  for (std::uint32_t i = 0; i < count; ++i) ASSERT_TRUE(t.find_source(numbered_key(i).source).empty());
}

TEST(nat_table, D6_a_slice_takes_no_more_than_its_limit) {
  table t{config{.linger = 1s}, 1000, start};
  for (std::uint32_t i = 0; i < 1000; ++i) {
    t.close(numbered_key(i), t.insert(flow_of(numbered_key(i)), start).generation, start);
  }
  EXPECT_EQ(t.sweep(start + 1s, 0), 0u);
  for (std::size_t left = 1000; left != 0; left -= 64 < left ? 64 : left) {
    EXPECT_EQ(t.stats().closed, left);
    EXPECT_EQ(t.next_due(), start + 1s);
    EXPECT_EQ(t.sweep(start + 1s, 64), std::min<std::size_t>(left, 64));
  }
  EXPECT_EQ(t.sweep(start + 1s, 64), 0u);
}

// What stays is not touched.
TEST(nat_table, D6_memory_is_given_back_in_slices) {
  constexpr std::uint32_t count = 12'800;
  constexpr std::size_t slices_min = 10;  // of 850 pages of flows and 64 of the index
  table t{config{.linger = 1s}, count, start};
  for (int again = 0; again < 2; ++again) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto added = t.insert(flow_of(numbered_key(i)), start);
      ASSERT_EQ(added.code, core::errc::ok);
      if (i != 0) t.close(numbered_key(i), added.generation, start);
    }
    EXPECT_FALSE(t.give_back_memory());
    ASSERT_EQ(t.sweep(start + 1s, count), count - 1);
    std::size_t slices = 1;
    while (t.give_back_memory()) ++slices;
    EXPECT_GT(slices, slices_min);
    EXPECT_EQ(t.stats().live, 1u);
    EXPECT_NE(t.find(numbered_key(0)), nullptr);
    for (std::uint32_t i = 1; i < count; ++i) ASSERT_EQ(t.find(numbered_key(i)), nullptr) << i;
    EXPECT_EQ(t.list(0, count).entries.size(), 1u);
  }
}

TEST(nat_table, D7_linger_is_exact_at_the_edges_of_the_clock) {
  using core::instant, core::nanoseconds;
  for (const nanoseconds at :
       {0ns, nanoseconds{4'294'967'296ms} - 1ns, nanoseconds{4'294'967'296ms}, nanoseconds::max() / 2}) {
    table t{config{.linger = 30s}, 4, instant{at}};
    const core::flow_key key = key_of("10.0.0.1:5000");
    t.close(key, t.insert(flow_of(key), instant{at}).generation, instant{at});
    EXPECT_EQ(t.next_due(), instant{at + 30s});
    EXPECT_EQ(t.sweep(instant{at + 30s - 1ns}, 1), 0u);
    EXPECT_EQ(t.sweep(instant{at + 30s}, 1), 1u);
  }
  table t{config{.linger = 30s}, 4, instant::max()};
  const core::flow_key key = key_of("10.0.0.1:5000");
  t.close(key, t.insert(flow_of(key), instant::max()).generation, instant::max() - 1s);
  EXPECT_EQ(t.next_due(), instant::max());
}

TEST(nat_table, a_full_shard_drops_the_oldest_closed_flow_and_never_a_live_one) {
  table t{config{.linger = 1h}, 4, start};
  std::vector<std::uint64_t> generations;
  for (std::uint32_t i = 0; i < 4; ++i)
    generations.push_back(t.insert(flow_of(numbered_key(i)), start).generation);
  EXPECT_EQ(t.insert(flow_of(numbered_key(4)), start).code, core::errc::limit_reached);
  EXPECT_EQ(t.insert(flow_of(numbered_key(4)), start).generation, 0u);
  EXPECT_EQ(t.stats().refused, 2u);

  ASSERT_TRUE(t.close(numbered_key(2), generations[2], start + 1s));
  ASSERT_TRUE(t.close(numbered_key(0), generations[0], start + 2s));
  EXPECT_EQ(t.insert(flow_of(numbered_key(4)), start + 3s).code, core::errc::ok);
  EXPECT_EQ(t.find(numbered_key(2)), nullptr);
  EXPECT_NE(t.find(numbered_key(0)), nullptr);
  EXPECT_EQ(t.insert(flow_of(numbered_key(5)), start + 3s).code, core::errc::ok);
  EXPECT_EQ(t.find(numbered_key(0)), nullptr);
  EXPECT_EQ(t.insert(flow_of(numbered_key(6)), start + 3s).code, core::errc::limit_reached);
  EXPECT_EQ(t.insert(flow_of(numbered_key(1)), start + 3s).code,
            core::errc::ok);  // the same key needs no room
  EXPECT_EQ(t.stats().live, 4u);
  EXPECT_EQ(t.stats().closed, 0u);
}

// More flows than one word of the slab's map of free places covers (4096).
TEST(nat_table, all_room_is_used_again) {
  constexpr std::uint32_t count = 10'000;
  table t{config{.linger = 0s}, count, start};
  for (std::uint32_t round = 0; round < 3; ++round) {
    for (std::uint32_t i = 0; i < count; ++i) {
      ASSERT_EQ(t.insert(flow_of(numbered_key(i)), start).code, core::errc::ok);
    }
    ASSERT_EQ(t.insert(flow_of(numbered_key(count)), start).code, core::errc::limit_reached);
    for (std::uint32_t i = 0; i < count; ++i) forget(t, numbered_key(i));
  }
}

TEST(nat_table, a_share_of_nothing_refuses_everything) {
  table t{config{}, 0, start};
  EXPECT_EQ(t.insert(flow_of(numbered_key(1)), start).code, core::errc::limit_reached);
  EXPECT_EQ(t.find(numbered_key(1)), nullptr);
  EXPECT_TRUE(t.list(0, 10).entries.empty());
  EXPECT_EQ(t.sweep(start, 10), 0u);
}

TEST(nat_table, find_source_gives_the_newest_first_and_honours_the_address) {
  table t{config{}, 16, start};
  t.insert(flow_of(key_of("10.0.0.1:5000", "192.0.2.1:1"), 1), start);
  t.insert(flow_of(key_of("10.0.0.2:5000"), 2), start);
  t.insert(flow_of(key_of("10.0.0.1:5000", "192.0.2.1:2"), 3), start);
  t.insert(flow_of(key_of("10.0.0.1:5001"), 4), start);
  t.insert(flow_of(key_of("[::ffff:10.0.0.1]:5000"), 5), start);
  t.insert(flow_of(key_of("[2001:db8::1]:5000"), 6), start);
  const auto connections = [&t](std::string_view source) {
    std::vector<std::uint64_t> out;
    for (const entry& flow : t.find_source(where(source))) out.push_back(flow.connection);
    return out;
  };
  EXPECT_EQ(connections("10.0.0.1:5000"), (std::vector<std::uint64_t>{5, 3, 1}));
  EXPECT_EQ(connections("[::ffff:10.0.0.2]:5000"), (std::vector<std::uint64_t>{2}));
  EXPECT_EQ(connections("[2001:db8::1]:5000"), (std::vector<std::uint64_t>{6}));
  EXPECT_EQ(connections("0.0.0.0:5000"), (std::vector<std::uint64_t>{6, 5, 3, 2, 1}));
  EXPECT_EQ(connections("[::]:5001"), (std::vector<std::uint64_t>{4}));
  EXPECT_TRUE(connections("10.0.0.3:5000").empty());
  EXPECT_TRUE(connections("0.0.0.0:5002").empty());
  t.insert(flow_of(key_of("10.0.0.1:5000", "192.0.2.1:1"), 7), start);  // used again: now the newest
  EXPECT_EQ(connections("10.0.0.1:5000"), (std::vector<std::uint64_t>{7, 5, 3}));
}

TEST(nat_table, list_sees_what_stays_exactly_once_while_others_come_and_go) {
  constexpr std::uint32_t count = 3000;
  table t{config{}, 2 * count, start};
  for (std::uint32_t i = 0; i < count; ++i) t.insert(flow_of(numbered_key(i), i), start);
  std::multiset<std::uint64_t> seen;
  std::uint64_t cursor = 0;
  std::uint32_t coming = count, going = 0;
  do {
    const auto [entries, next] = t.list(cursor, 100);
    EXPECT_LE(entries.size(), 100u);
    for (const entry& flow : entries) seen.insert(flow.connection);
    cursor = next;
    for (int i = 0; i < 50; ++i) {
      t.insert(flow_of(numbered_key(coming), coming), start);
      ++coming;
      if (going < count) forget(t, numbered_key(going));
      going += 2;  // odd ones stay
    }
  } while (cursor != 0);
  for (std::uint32_t i = 1; i < count; i += 2) ASSERT_EQ(seen.count(i), 1u) << i;
  for (const auto connection : seen) ASSERT_EQ(seen.count(connection), 1u);
}

TEST(nat_table, list_ends_exactly_at_the_end) {
  table t{config{}, 128, start};
  for (std::uint32_t i = 0; i < 128; ++i) t.insert(flow_of(numbered_key(i)), start);
  const auto first = t.list(0, 64);
  EXPECT_EQ(first.entries.size(), 64u);
  const auto second = t.list(first.next, 64);
  EXPECT_EQ(second.entries.size(), 64u);
  EXPECT_EQ(second.next, 0u);
  EXPECT_EQ(t.list(0, 0).entries.size(), 1u);  // always makes progress
  EXPECT_TRUE(t.list(~std::uint64_t{0}, 10).entries.empty());
}

TEST(nat_table, A6_erase_takes_closed_and_announced_flows_and_never_a_live_one_of_ours) {
  table t{config{}, 16, start};
  const auto closed = t.insert(flow_of(numbered_key(1)), start).generation;
  t.close(numbered_key(1), closed, start);
  t.insert(flow_of(numbered_key(2)), start);
  const auto announced = t.announce(flow_of(numbered_key(3)), start).generation;
  EXPECT_EQ(t.erase(numbered_key(1), closed + 1), core::errc::not_found);
  EXPECT_EQ(t.erase(numbered_key(1), closed), core::errc::ok);
  EXPECT_EQ(t.erase(numbered_key(1)), core::errc::not_found);
  EXPECT_EQ(t.erase(numbered_key(2)), core::errc::permission_denied);
  EXPECT_NE(t.find(numbered_key(2)), nullptr);
  EXPECT_EQ(t.erase(numbered_key(3), announced), core::errc::ok);
  EXPECT_EQ(t.stats().live, 1u);
  EXPECT_EQ(t.stats().erased, 2u);
  EXPECT_EQ(t.next_due(), std::nullopt);
}

TEST(nat_table, A6_an_announced_flow_lives_for_its_ttl_and_only_an_announcement_begins_it_anew) {
  table t{config{.ttl = 10min}, 16, start};
  const core::flow_key key = numbered_key(1);
  const auto [code, generation] = t.announce(flow_of(key), start);
  ASSERT_EQ(code, core::errc::ok);
  EXPECT_EQ(t.find(key)->carrier, carrier::other);
  EXPECT_EQ(t.next_due(), start + 10min);
  EXPECT_EQ(t.sweep(start + 10min - 1ns, 10), 0u);
  EXPECT_FALSE(t.find_source(key.source).empty());  // a question: changes nothing
  EXPECT_EQ(t.next_due(), start + 10min);
  EXPECT_EQ(t.announce(flow_of(key), start + 9min).generation, generation);
  EXPECT_EQ(t.find(key)->created, start);
  EXPECT_EQ(t.sweep(start + 10min, 10), 0u);
  EXPECT_EQ(t.sweep(start + 19min, 10), 1u);
  EXPECT_EQ(t.find(key), nullptr);
  EXPECT_EQ(t.stats().announced, 0u);
  EXPECT_EQ(t.stats().expired, 1u);
}

TEST(nat_table, A5_an_announcement_with_another_destination_is_another_use_of_the_ports) {
  table t{config{}, 16, start};
  const core::flow_key key = numbered_key(1);
  const auto first = t.announce(flow_of(key), start).generation;
  entry next = flow_of(key);
  next.original = core::target{"example.net", 443};
  const auto second = t.announce(next, start).generation;
  EXPECT_NE(first, second);
  EXPECT_EQ(t.erase(key, first), core::errc::not_found);  // who retracts late takes nothing from his successor
  EXPECT_EQ(t.find(key)->original.name, "example.net");
  const auto carried = t.insert(flow_of(key), start).generation;  // what omnilink knows itself counts
  EXPECT_EQ(t.announce(next, start).code, core::errc::permission_denied);
  EXPECT_EQ(t.next_due(), std::nullopt);
  t.close(key, carried, start);
  EXPECT_EQ(t.announce(next, start).code, core::errc::ok);
  EXPECT_EQ(t.stats().replaced, 3u);
}

TEST(nat_table, A6_announced_flows_leave_half_of_the_table_to_others) {
  table t{config{.linger = 0s}, 4, start};
  EXPECT_EQ(t.announce(flow_of(numbered_key(1)), start).code, core::errc::ok);
  EXPECT_EQ(t.announce(flow_of(numbered_key(2)), start).code, core::errc::ok);
  EXPECT_EQ(t.announce(flow_of(numbered_key(3)), start).code, core::errc::limit_reached);
  EXPECT_EQ(t.announce(flow_of(numbered_key(2)), start).code, core::errc::ok);
  EXPECT_EQ(t.insert(flow_of(numbered_key(4)), start).code, core::errc::ok);
  EXPECT_EQ(t.insert(flow_of(numbered_key(5)), start).code, core::errc::ok);
  EXPECT_EQ(t.insert(flow_of(numbered_key(6)), start).code, core::errc::limit_reached);  // no live flow makes room
  EXPECT_EQ(t.stats().announced, 2u);
  EXPECT_EQ(t.stats().refused, 2u);
}

TEST(nat_table, a_watcher_hears_of_every_flow_once_as_it_begins_and_once_as_it_ends) {
  struct listener final : watcher {
    void opened(const entry& flow) override { heard.push_back({flow.connection, true}); }
    void ended(const entry& flow) override { heard.push_back({flow.connection, false}); }
    std::vector<std::pair<std::uint64_t, bool>> heard;
  } all;
  table t{config{.linger = 1s, .ttl = 1min}, 16, start};
  t.watch(&all);
  const auto generation = t.insert(flow_of(numbered_key(1), 1), start).generation;
  t.close(numbered_key(1), generation, start);
  t.close(numbered_key(1), generation, start);
  t.sweep(start + 1s, 10);
  t.insert(flow_of(numbered_key(2), 2), start);
  t.insert(flow_of(numbered_key(2), 3), start);  // 2 was replaced while it lived
  t.announce(flow_of(numbered_key(4), 4), start);
  t.announce(flow_of(numbered_key(4), 4), start);
  t.sweep(start + 1min, 10);
  t.announce(flow_of(numbered_key(5), 5), start + 1min);
  t.erase(numbered_key(5));
  using pairs = std::vector<std::pair<std::uint64_t, bool>>;
  EXPECT_EQ(all.heard, (pairs{{1, true}, {1, false}, {2, true}, {2, false}, {3, true}, {4, true}, {4, false}, {5, true}, {5, false}}));
  t.watch(nullptr);
  t.insert(flow_of(numbered_key(6), 6), start);
  EXPECT_EQ(all.heard.size(), 9u);
}

TEST(nat_table, a_moved_table_keeps_its_flows) {
  table t{config{}, 16, start};
  t.insert(flow_of(numbered_key(1), 9), start);
  table other = std::move(t);
  ASSERT_NE(other.find(numbered_key(1)), nullptr);
  EXPECT_EQ(other.find(numbered_key(1))->connection, 9u);
}

TEST(nat_stats, add_up_over_shards) {
  stats all{1, 2, 3, 4, 5, 6, 7, 8, 9};
  all += stats{10, 20, 30, 40, 50, 60, 70, 80, 90};
  EXPECT_EQ(all.live, 11u);
  EXPECT_EQ(all.announced, 22u);
  EXPECT_EQ(all.closed, 33u);
  EXPECT_EQ(all.capacity, 44u);
  EXPECT_EQ(all.inserted, 55u);
  EXPECT_EQ(all.expired, 66u);
  EXPECT_EQ(all.refused, 77u);
  EXPECT_EQ(all.replaced, 88u);
  EXPECT_EQ(all.erased, 99u);
}

}  // namespace
}  // namespace omnilink::nat
