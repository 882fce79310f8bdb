#include "nat/table.hpp"

#include <algorithm>

#include "nat/key_index.hpp"
#include "nat/port_index.hpp"
#include "nat/slab.hpp"

namespace omnilink::nat {
namespace {

constexpr std::size_t capacity_max = std::size_t{16} << 20;

core::instant later(core::instant from, core::nanoseconds span) noexcept {
  return from > core::instant::max() - span ? core::instant::max() : from + span;
}

// An entry and its places in two lists: of its source port, newest first; and, once closed, of the closed,
// oldest first.
struct node {
  struct links {
    entry_number before = no_entry;
    entry_number after = no_entry;
  };
  entry flow;
  std::uint32_t tag = 0;
  links same_port;
  links closed;
};

// The memory of a flow: this, 1/64 of a chunk's mask, and one to three cells of 8 bytes in the key index, so
// 288 bytes at most; a name or chain of more than 15 characters adds its own length.
static_assert(sizeof(node) <= 256);

}  // namespace

std::string config::validate() const {
  using std::chrono::hours, std::chrono::seconds;
  if (capacity < 1 || capacity > capacity_max) return "nat.capacity: must be 1 to 16777216";
  if (linger < seconds{0} || linger > hours{1}) return "nat.linger: must be 0 s to 1 h";
  if (ttl < seconds{1} || ttl > hours{24}) return "nat.ttl: must be 1 s to 24 h";
  return {};
}

stats& stats::operator+=(const stats& other) noexcept {
  live += other.live;
  closed += other.closed;
  capacity += other.capacity;
  inserted += other.inserted;
  expired += other.expired;
  refused += other.refused;
  replaced += other.replaced;
  return *this;
}

struct table::state {
  state(config settings, std::size_t capacity, core::instant start)
      : linger{settings.linger}, nodes{capacity}, by_key{capacity, seed(start)} {
    counts.capacity = capacity;
  }

  // No secret, but not known to those who choose keys either: where the allocator put us, and when.
  std::uint64_t seed(core::instant start) const noexcept {
    return reinterpret_cast<std::uintptr_t>(this) ^
           static_cast<std::uint64_t>(start.time_since_epoch().count()) << 20;
  }

  entry_number find(const core::flow_key& key, std::uint32_t tag) const noexcept {
    return by_key.find(tag, [&](entry_number n) { return nodes[n].flow.key == key; });
  }

  void link_port(entry_number n) {
    const std::uint16_t port = nodes[n].flow.key.source.port;
    const entry_number second = by_port.get(port);
    by_port.set(port, n);
    nodes[n].same_port = {no_entry, second};
    if (second != no_entry) nodes[second].same_port.before = n;
  }

  void unlink_port(entry_number n) {
    const auto [before, after] = nodes[n].same_port;
    if (before == no_entry) {
      by_port.set(nodes[n].flow.key.source.port, after);
    } else {
      nodes[before].same_port.after = after;
    }
    if (after != no_entry) nodes[after].same_port.before = before;
  }

  void link_closed(entry_number n) noexcept {
    nodes[n].closed = {newest_closed, no_entry};
    (newest_closed == no_entry ? oldest_closed : nodes[newest_closed].closed.after) = n;
    newest_closed = n;
  }

  void unlink_closed(entry_number n) noexcept {
    const auto [before, after] = nodes[n].closed;
    (before == no_entry ? oldest_closed : nodes[before].closed.after) = after;
    (after == no_entry ? newest_closed : nodes[after].closed.before) = before;
  }

  void remove(entry_number n) {
    if (nodes[n].flow.state == flow_state::closed) {
      unlink_closed(n);
      --counts.closed;
    } else {
      --counts.live;
    }
    unlink_port(n);
    by_key.erase(nodes[n].tag, n);
    nodes.erase(n);
  }

  // Only a closed flow makes room; false: all are live.
  bool make_room() {
    if (counts.live + counts.closed < counts.capacity) return true;
    if (oldest_closed == no_entry) return false;
    remove(oldest_closed);
    ++counts.expired;
    return true;
  }

  core::instant due(entry_number n) const noexcept { return later(nodes[n].flow.closed, linger); }

  core::nanoseconds linger;
  slab<node> nodes;
  key_index by_key;
  port_index by_port;
  // All closed flows linger equally long, so the order of closing is the order of expiry and of making room:
  // a list does what a wheel would, exactly, and without a cascade that could take longer than a slice.
  entry_number oldest_closed = no_entry;
  entry_number newest_closed = no_entry;
  std::uint64_t last_generation = 0;
  nat::stats counts;
};

table::table(config settings, std::size_t capacity, core::instant start)
    : state_{std::make_unique<state>(settings, std::min(capacity, capacity_max), start)} {}
table::~table() = default;
table::table(table&&) noexcept = default;
table& table::operator=(table&&) noexcept = default;

table::inserted table::insert(entry flow, core::instant now) {
  state& s = *state_;
  const std::uint32_t tag = s.by_key.tag_of(flow.key);
  if (const entry_number old = s.find(flow.key, tag); old != no_entry) {
    s.remove(old);
    ++s.counts.replaced;
  } else if (!s.make_room()) {
    ++s.counts.refused;
    return {core::errc::limit_reached, 0};
  }
  flow.generation = ++s.last_generation;
  flow.state = flow_state::live;
  flow.created = now;
  flow.closed = {};
  const entry_number n =
      s.nodes.insert(node{.flow = std::move(flow), .tag = tag, .same_port = {}, .closed = {}});
  s.by_key.insert(tag, n);
  s.link_port(n);
  ++s.counts.live;
  ++s.counts.inserted;
  return {core::errc::ok, s.last_generation};
}

bool table::close(const core::flow_key& key, std::uint64_t generation, core::instant now) {
  state& s = *state_;
  const entry_number n = s.find(key, s.by_key.tag_of(key));
  if (n == no_entry || s.nodes[n].flow.generation != generation) return false;
  entry& flow = s.nodes[n].flow;
  if (flow.state == flow_state::closed) return true;
  flow.state = flow_state::closed;
  // The list is in the order of time, even if a caller's `now` is older than the last one's.
  flow.closed = s.newest_closed == no_entry ? now : std::max(now, s.nodes[s.newest_closed].flow.closed);
  s.link_closed(n);
  --s.counts.live;
  ++s.counts.closed;
  return true;
}

const entry* table::find(const core::flow_key& key) const noexcept {
  const entry_number n = state_->find(key, state_->by_key.tag_of(key));
  return n == no_entry ? nullptr : &state_->nodes[n].flow;
}

std::vector<entry> table::find_source(const core::endpoint& source) const {
  std::vector<entry> out;
  const bool any = source.address.is_unspecified();
  const core::address wanted = source.address.unmapped();
  for (entry_number n = state_->by_port.get(source.port); n != no_entry;
       n = state_->nodes[n].same_port.after) {
    const entry& flow = state_->nodes[n].flow;
    if (any || flow.key.source.address.unmapped() == wanted) out.push_back(flow);
  }
  return out;
}

bool table::erase(const core::flow_key& key) {
  const entry_number n = state_->find(key, state_->by_key.tag_of(key));
  if (n == no_entry) return false;
  state_->remove(n);
  return true;
}

// The cursor is an entry's number, which never changes while the entry lives.
table::page table::list(std::uint64_t cursor, std::size_t limit) const {
  page out;
  entry_number n = state_->nodes.next_used(cursor);
  for (; n != no_entry && out.entries.size() < std::max<std::size_t>(limit, 1);
       n = state_->nodes.next_used(std::uint64_t{n} + 1)) {
    out.entries.push_back(state_->nodes[n].flow);
  }
  if (n != no_entry) out.next = n;
  return out;
}

std::size_t table::sweep(core::instant now, std::size_t limit) {
  state& s = *state_;
  std::size_t taken = 0;
  while (taken < limit && s.oldest_closed != no_entry && s.due(s.oldest_closed) <= now) {
    s.remove(s.oldest_closed);
    ++taken;
  }
  s.counts.expired += taken;
  return taken;
}

std::optional<core::instant> table::next_due() const noexcept {
  if (state_->oldest_closed == no_entry) return {};
  return state_->due(state_->oldest_closed);
}

nat::stats table::stats() const noexcept {
  return state_->counts;
}

}  // namespace omnilink::nat
