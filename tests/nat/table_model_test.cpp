// A shard against the simplest thing that could be right: a std::map that is searched from end to end. Random
// operations on few keys and little room, with a manual clock that jumps.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "nat/table.hpp"

namespace omnilink::nat {
namespace {

using namespace std::chrono_literals;
using core::instant, core::nanoseconds;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int operations = 200'000;
#else
constexpr int operations = 500'000;
#endif

class model {
 public:
  struct flow {
    std::uint64_t connection;
    std::uint64_t generation;
    std::optional<instant> closed;
    std::uint64_t closed_as = 0;  // the how-many-eth close; ties of the clock are broken by it
  };
  using flows = std::map<core::flow_key, flow>;

  model(std::size_t capacity, nanoseconds linger) : capacity_{capacity}, linger_{linger} {}

  bool insert(const core::flow_key& key, std::uint64_t connection, std::uint64_t generation) {
    if (!flows_.contains(key) && flows_.size() == capacity_) {
      const auto oldest = oldest_closed();
      if (oldest == flows_.end()) return false;
      flows_.erase(oldest);
    }
    flows_[key] = {connection, generation, {}};
    return true;
  }

  bool close(const core::flow_key& key, std::uint64_t generation, instant now) {
    const auto i = flows_.find(key);
    if (i == flows_.end() || i->second.generation != generation) return false;
    if (i->second.closed) return true;
    i->second.closed = now;
    i->second.closed_as = ++closes_;
    return true;
  }

  std::size_t sweep(instant now, std::size_t limit) {
    std::size_t taken = 0;
    for (auto i = oldest_closed(); taken < limit && i != flows_.end() && *i->second.closed + linger_ <= now;
         i = oldest_closed(), ++taken) {
      flows_.erase(i);
    }
    return taken;
  }

  std::optional<instant> next_due() {
    const auto i = oldest_closed();
    if (i == flows_.end()) return {};
    return *i->second.closed + linger_;
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
  flows::iterator oldest_closed() {
    auto out = flows_.end();
    for (auto i = flows_.begin(); i != flows_.end(); ++i) {
      if (i->second.closed && (out == flows_.end() || i->second.closed_as < out->second.closed_as)) out = i;
    }
    return out;
  }

  std::size_t capacity_;
  nanoseconds linger_;
  std::uint64_t closes_ = 0;
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
  ASSERT_EQ(t.stats().live + t.stats().closed, m.flows_.size());
  std::size_t listed = 0;
  std::uint64_t cursor = 0;
  do {
    const auto [entries, next] = t.list(cursor, 7);
    for (const entry& flow : entries) {
      const auto i = m.flows_.find(flow.key);
      ASSERT_NE(i, m.flows_.end());
      ASSERT_EQ(flow.generation, i->second.generation);
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

TEST_P(nat_table_model, agrees_with_a_naive_map) {
  constexpr nanoseconds linger = 50ms;
  const auto [begin, capacity] = GetParam();
  std::mt19937_64 random{capacity};
  instant now{begin};
  table t{config{.linger = linger}, capacity, now};
  model m{capacity, linger};
  for (int i = 0; i < operations / 4; ++i) {
    now += nanoseconds{static_cast<std::int64_t>(random() % 2'000'000)};
    const core::flow_key key = random_key(random);
    const auto known = m.flows_.find(key);
    const std::uint64_t generation =
        known == m.flows_.end() ? 1 : known->second.generation - random() % 8 / 7;
    switch (random() % 8) {
      case 0:
      case 1:
      case 2: {
        entry flow;
        flow.key = key;
        flow.connection = static_cast<std::uint64_t>(i);
        flow.chain = "a chain whose name is on the heap " + std::to_string(i);
        const auto [code, made] = t.insert(std::move(flow), now);
        ASSERT_EQ(code == core::errc::ok, m.insert(key, static_cast<std::uint64_t>(i), made));
        break;
      }
      case 3:
      case 4:
        ASSERT_EQ(t.close(key, generation, now), m.close(key, generation, now));
        break;
      case 5:
        ASSERT_EQ(t.erase(key), m.flows_.erase(key) == 1);
        break;
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
}

INSTANTIATE_TEST_SUITE_P(settings, nat_table_model,
                         testing::Values(setting{0ns, 1}, setting{4'294'967'296ms - 100s, 24},
                                         setting{30 * 24h, 100},
                                         setting{nanoseconds::max() / 2 - 10s, 1000}));

}  // namespace
}  // namespace omnilink::nat
