// A shard against the simplest thing that could be right: a std::map that is searched from end to end. Random
// operations on few keys and little room, with a manual clock that jumps.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "nat/table.hpp"

namespace omnilink::nat {
namespace {

using namespace std::chrono_literals;
using core::instant, core::nanoseconds;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int operations = 200'000;
#else
constexpr int operations = 2'000'000;
#endif

class model {
 public:
  struct flow {
    std::uint64_t connection;
    std::uint64_t generation;
    bool announced = false;
    std::optional<instant> closed{};
    instant due{};           // of closed and announced ones
    std::uint64_t aged = 0;  // the how-many-eth that got its due time; ties of the clock are broken by it

    bool has_ttl() const { return announced || closed; }
    bool announced_live() const { return announced && !closed; }
  };
  using flows = std::map<core::flow_key, flow>;

  model(std::size_t capacity, nanoseconds linger, nanoseconds ttl) : capacity_{capacity}, linger_{linger}, ttl_{ttl} {}

  bool insert(const core::flow_key& key, std::uint64_t connection, std::uint64_t generation) {
    if (!flows_.contains(key) && !make_room()) return false;
    flows_[key] = {connection, generation};
    return true;
  }

  // Which of the table's answers it must be; `generation` is of a new use of the key.
  core::errc announce(const core::flow_key& key, std::uint64_t connection, std::uint64_t generation, instant now) {
    const auto i = flows_.find(key);
    const bool known = i != flows_.end();
    if (known && !i->second.has_ttl()) return core::errc::permission_denied;
    if (known && i->second.announced_live() && i->second.connection % 2 == connection % 2) {
      age(i->second, now + ttl_);
      return core::errc::ok;
    }
    const auto announced = static_cast<std::size_t>(std::ranges::count_if(flows_, [](const auto& f) { return f.second.announced_live(); }));
    const bool full = !(known && i->second.announced_live()) && announced >= (capacity_ + 1) / 2;
    if (full || (!known && !make_room())) return core::errc::limit_reached;
    age(flows_[key] = {connection, generation, true}, now + ttl_);
    return core::errc::ok;
  }

  bool close(const core::flow_key& key, std::uint64_t generation, instant now) {
    const auto i = flows_.find(key);
    if (i == flows_.end() || i->second.generation != generation) return false;
    if (i->second.closed) return true;
    i->second.closed = now;
    age(i->second, now + linger_);
    return true;
  }

  core::errc erase(const core::flow_key& key, std::uint64_t generation) {
    const auto i = flows_.find(key);
    if (i == flows_.end() || (generation != 0 && i->second.generation != generation)) return core::errc::not_found;
    if (!i->second.has_ttl()) return core::errc::permission_denied;
    flows_.erase(i);
    return core::errc::ok;
  }

  // How many: the first by due time, as many as may be taken.
  std::size_t sweep(instant now, std::size_t limit) {
    std::size_t taken = 0;
    for (auto i = next(); taken < limit && i != flows_.end() && i->second.due <= now; i = next(), ++taken) flows_.erase(i);
    return taken;
  }

  std::optional<instant> next_due() {
    const auto i = next();
    if (i == flows_.end()) return {};
    return i->second.due;
  }

  std::vector<std::uint64_t> find_source(const core::endpoint& source) const {
    std::vector<std::uint64_t> out;
    for (const auto& [key, flow] : flows_) {
      const bool address = source.address.is_unspecified() || key.source.address == source.address;
      if (address && key.source.port == source.port) out.push_back(flow.generation);
    }
    std::sort(out.rbegin(), out.rend());
    return out;
  }

  flows flows_;

 private:
  void age(flow& which, instant due) {
    which.due = due;
    which.aged = ++aged_;
  }

  bool make_room() {
    if (flows_.size() < capacity_) return true;
    const auto oldest = first([](const flow& f) { return f.closed.has_value(); }, [](const flow& a, const flow& b) { return a.aged < b.aged; });
    if (oldest == flows_.end()) return false;
    flows_.erase(oldest);
    return true;
  }

  // Of those that are due together, the closed before the announced, each in their order.
  flows::iterator next() {
    return first([](const flow& f) { return f.has_ttl(); }, [](const flow& a, const flow& b) {
      return std::tuple{a.due, !a.closed, a.aged} < std::tuple{b.due, !b.closed, b.aged};
    });
  }

  template <class Wanted, class Before>
  flows::iterator first(Wanted wanted, Before before) {
    auto out = flows_.end();
    for (auto i = flows_.begin(); i != flows_.end(); ++i) {
      if (wanted(i->second) && (out == flows_.end() || before(i->second, out->second))) out = i;
    }
    return out;
  }

  std::size_t capacity_;
  nanoseconds linger_, ttl_;
  std::uint64_t aged_ = 0;
};

core::flow_key random_key(std::mt19937_64& random) {
  core::flow_key key;
  key.source.address =
      random() % 4 == 0 ? core::address::v6({0x20, 0x01, 0x0d, 0xb8, static_cast<std::uint8_t>(random() % 2)})
                        : core::address::v4(0x0a000001 + random() % 3);
  // Two pages of the port index, and more than one port in each.
  key.source.port = static_cast<std::uint16_t>(0x10fe + random() % 4);
  key.local = {core::address::v4(0x7f000001), static_cast<std::uint16_t>(1 + random() % 2)};
  key.netns = random() % 8 == 0;
  key.protocol = random() % 8 == 0 ? core::protocol::udp : core::protocol::tcp;
  return key;
}

void expect_same_contents(const table& t, const model& m) {
  ASSERT_EQ(t.stats().live + t.stats().announced + t.stats().closed, m.flows_.size());
  std::size_t listed = 0;
  std::uint64_t cursor = 0;
  do {
    const auto [entries, next] = t.list(cursor, 7);
    for (const entry& flow : entries) {
      const auto i = m.flows_.find(flow.key);
      ASSERT_NE(i, m.flows_.end());
      ASSERT_EQ(flow.generation, i->second.generation);
      if (flow.has_ttl()) {
        ASSERT_EQ(flow.due, i->second.due);
      }
    }
    listed += entries.size();
    cursor = next;
  } while (cursor != 0);
  ASSERT_EQ(listed, m.flows_.size());
}

struct setting {
  nanoseconds start;
  std::size_t capacity;
};

class nat_table_model : public testing::TestWithParam<setting> {};

// What tells two uses of the same ports apart is every other one's destination.
entry entry_of(const core::flow_key& key, std::uint64_t connection) {
  entry out;
  out.key = key;
  out.connection = connection;
  out.original.port = static_cast<std::uint16_t>(1 + connection % 2);
  out.chain = "a chain whose name is on the heap " + std::to_string(connection);
  return out;
}

// Begins and ends, one for one: what lives is what has begun and not ended.
struct ledger final : watcher {
  void opened(const entry& flow) override { right &= living.insert(flow.generation).second; }
  void ended(const entry& flow) override { right &= living.erase(flow.generation) == 1; }
  std::set<std::uint64_t> living;
  bool right = true;
};

TEST_P(nat_table_model, A6_agrees_with_a_naive_map) {
  constexpr nanoseconds linger = 50ms, ttl = 80ms;
  const auto [begin, capacity] = GetParam();
  std::mt19937_64 random{capacity};
  instant now{begin};
  table t{config{.linger = linger, .ttl = ttl}, capacity, now};
  model m{capacity, linger, ttl};
  ledger heard;
  t.watch(&heard);
  std::uint64_t made = 0;  // generations
  for (int i = 0; i < operations / 4; ++i) {
    now += nanoseconds{static_cast<std::int64_t>(random() % 2'000'000)};
    const core::flow_key key = random_key(random);
    const auto connection = static_cast<std::uint64_t>(i);
    const auto known = m.flows_.find(key);
    const std::uint64_t generation =
        known == m.flows_.end() ? 1 : known->second.generation - random() % 8 / 7;
    switch (random() % 10) {
      case 0:
      case 1:
      case 2: {
        const auto [code, given] = t.insert(entry_of(key, connection), now);
        ASSERT_EQ(code == core::errc::ok, m.insert(key, connection, given));
        if (code == core::errc::ok) {
          ASSERT_EQ(given, ++made);
        }
        break;
      }
      case 3:
      case 4:
        ASSERT_EQ(t.close(key, generation, now), m.close(key, generation, now));
        break;
      case 5: {
        const std::uint64_t which = random() % 2 == 0 ? 0 : generation;
        ASSERT_EQ(t.erase(key, which), m.erase(key, which));
        break;
      }
      case 8:
      case 9: {
        const auto [code, given] = t.announce(entry_of(key, connection), now);
        ASSERT_EQ(code, m.announce(key, connection, made + 1, now));
        if (code == core::errc::ok) {
          ASSERT_EQ(given, m.flows_.at(key).generation);
          made = std::max(made, given);
        }
        break;
      }
      case 6: {
        if (random() % 64 == 0) now += 1s;
        const std::size_t limit = random() % 6;
        ASSERT_EQ(t.sweep(now, limit), m.sweep(now, limit));
        break;
      }
      default: {
        core::endpoint source = key.source;
        if (random() % 2 == 0) source.address = {};
        std::vector<std::uint64_t> got;
        for (const entry& flow : t.find_source(source)) got.push_back(flow.generation);
        ASSERT_EQ(got, m.find_source(source));
      }
    }
    const auto expected = m.flows_.find(key);
    const entry* found = t.find(key);
    ASSERT_EQ(found != nullptr, expected != m.flows_.end());
    if (found != nullptr) {
      ASSERT_EQ(found->connection, expected->second.connection);
      ASSERT_EQ(found->generation, expected->second.generation);
      ASSERT_EQ(found->state == flow_state::closed, expected->second.closed.has_value());
      ASSERT_EQ(found->carrier == carrier::other, expected->second.announced);
    }
    ASSERT_EQ(t.next_due(), m.next_due());
    if (i % 512 == 0) {
      ASSERT_NO_FATAL_FAILURE(expect_same_contents(t, m));
    }
  }
  ASSERT_NO_FATAL_FAILURE(expect_same_contents(t, m));
  const stats end = t.stats();
  EXPECT_GT(end.expired, 0u);
  EXPECT_GT(end.replaced, 0u);
  EXPECT_GT(end.erased, 0u);
  EXPECT_TRUE(heard.right);
  EXPECT_EQ(heard.living.size(), end.live + end.announced);
}

INSTANTIATE_TEST_SUITE_P(settings, nat_table_model,
                         testing::Values(setting{0ns, 1}, setting{4'294'967'296ms - 100s, 24},
                                         setting{30 * 24h, 100},
                                         setting{nanoseconds::max() / 2 - 10s, 1000}));

}  // namespace
}  // namespace omnilink::nat
