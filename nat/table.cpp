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

// An entry and its places in two lists: of its source port, newest first; and, where it has a TTL, of the closed or
// of those that others carry, oldest first.
struct node {
  struct links {
    entry_number before = no_entry;
    entry_number after = no_entry;
  };
  entry flow;
  std::uint32_t tag = 0;
  links same_port;
  links ageing;
};

struct age_list {
  entry_number oldest = no_entry;
  entry_number newest = no_entry;
};

// The memory of a flow: this, and one to three cells of 8 bytes in the key index, so
// 320 bytes at most; a name or chain of more than 15 characters adds its own length.
static_assert(sizeof(node) <= 288);

// What tells the same flow, announced again, from another use of its ports.
bool is_same_flow(const entry& a, const entry& b) noexcept {
  const auto pid = [](const entry& e) { return e.program ? e.program->pid : std::nullopt; };
  return a.original == b.original && a.original_address == b.original_address && a.uid == b.uid && a.cookie == b.cookie && pid(a) == pid(b);
}

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
  announced += other.announced;
  closed += other.closed;
  capacity += other.capacity;
  inserted += other.inserted;
  expired += other.expired;
  refused += other.refused;
  replaced += other.replaced;
  erased += other.erased;
  return *this;
}

struct table::state {
  state(config settings, std::size_t capacity, core::instant start)
      : linger{settings.linger}, ttl{settings.ttl}, nodes{capacity}, by_key{capacity, seed(start)} {
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

  age_list& ages_of(entry_number n) noexcept { return nodes[n].flow.state == flow_state::closed ? closed : announced; }

  // Last, and due no earlier than the one before, even if a caller's `now` is older than the last one's.
  void begin_ageing(entry_number n, core::instant due) noexcept {
    age_list& list = ages_of(n);
    nodes[n].flow.due = list.newest == no_entry ? due : std::max(due, nodes[list.newest].flow.due);
    nodes[n].ageing = {list.newest, no_entry};
    (list.newest == no_entry ? list.oldest : nodes[list.newest].ageing.after) = n;
    list.newest = n;
  }

  void end_ageing(entry_number n) noexcept {
    age_list& list = ages_of(n);
    const auto [before, after] = nodes[n].ageing;
    (before == no_entry ? list.oldest : nodes[before].ageing.after) = after;
    (after == no_entry ? list.newest : nodes[after].ageing.before) = before;
  }

  std::size_t& count_of(const entry& flow) noexcept {
    if (flow.state == flow_state::closed) return counts.closed;
    return flow.carrier == carrier::omnilink ? counts.live : counts.announced;
  }

  entry_number add(entry flow, std::uint32_t tag, core::instant now) {
    flow.generation = ++last_generation;
    flow.state = flow_state::live;
    flow.created = now;
    flow.closed = flow.due = {};
    const entry_number n = nodes.insert(node{.flow = std::move(flow), .tag = tag, .same_port = {}, .ageing = {}});
    by_key.insert(tag, n);
    link_port(n);
    ++count_of(nodes[n].flow);
    ++counts.inserted;
    if (nodes[n].flow.carrier == carrier::other) begin_ageing(n, later(now, ttl));
    if (told) told->opened(nodes[n].flow);
    return n;
  }

  void remove(entry_number n) {
    const entry& flow = nodes[n].flow;
    if (told && flow.state == flow_state::live) told->ended(flow);
    if (flow.has_ttl()) end_ageing(n);
    --count_of(flow);
    unlink_port(n);
    by_key.erase(nodes[n].tag, n);
    nodes.erase(n);
  }

  // Only a closed flow makes room; false: all are live.
  bool make_room() {
    if (counts.live + counts.announced + counts.closed < counts.capacity) return true;
    if (closed.oldest == no_entry) return false;
    remove(closed.oldest);
    ++counts.expired;
    return true;
  }

  // Of both lists' heads; no_entry: nothing will expire.
  entry_number next_to_expire() const noexcept {
    if (closed.oldest == no_entry) return announced.oldest;
    if (announced.oldest == no_entry) return closed.oldest;
    return nodes[closed.oldest].flow.due <= nodes[announced.oldest].flow.due ? closed.oldest : announced.oldest;
  }

  core::nanoseconds linger;
  core::nanoseconds ttl;
  slab<node> nodes;
  key_index by_key;
  port_index by_port;
  // All closed flows linger equally long, so the order of closing is the order of expiry and of making room:
  // a list does what a wheel would, exactly, and without a cascade that could take longer than a slice. So is the
  // order of announcing, where all have one TTL.
  age_list closed;
  age_list announced;
  std::uint64_t last_generation = 0;
  nat::stats counts;
  watcher* told = nullptr;
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
  flow.carrier = carrier::omnilink;
  s.add(std::move(flow), tag, now);
  return {core::errc::ok, s.last_generation};
}

table::inserted table::announce(entry flow, core::instant now) {
  state& s = *state_;
  const std::uint32_t tag = s.by_key.tag_of(flow.key);
  const entry_number old = s.find(flow.key, tag);
  const entry* known = old == no_entry ? nullptr : &s.nodes[old].flow;
  if (known && !known->has_ttl()) return {core::errc::permission_denied, 0};
  const bool was_announced = known && known->state == flow_state::live;
  if (was_announced && is_same_flow(*known, flow)) {
    s.end_ageing(old);
    s.begin_ageing(old, later(now, s.ttl));
    return {core::errc::ok, known->generation};
  }
  const bool has_room = was_announced || s.counts.announced < (s.counts.capacity + 1) / 2;
  if (!has_room || (!known && !s.make_room())) {
    ++s.counts.refused;
    return {core::errc::limit_reached, 0};
  }
  if (known) {
    s.remove(old);
    ++s.counts.replaced;
  }
  flow.carrier = carrier::other;
  s.add(std::move(flow), tag, now);
  return {core::errc::ok, s.last_generation};
}

bool table::close(const core::flow_key& key, std::uint64_t generation, core::instant now) {
  state& s = *state_;
  const entry_number n = s.find(key, s.by_key.tag_of(key));
  if (n == no_entry || s.nodes[n].flow.generation != generation) return false;
  entry& flow = s.nodes[n].flow;
  if (flow.state == flow_state::closed) return true;
  if (flow.has_ttl()) s.end_ageing(n);
  --s.count_of(flow);
  flow.state = flow_state::closed;
  // In the order of time, as its list is.
  flow.closed = s.closed.newest == no_entry ? now : std::max(now, s.nodes[s.closed.newest].flow.closed);
  ++s.count_of(flow);
  s.begin_ageing(n, later(flow.closed, s.linger));
  if (s.told) s.told->ended(flow);
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

core::errc table::erase(const core::flow_key& key, std::uint64_t generation) {
  const entry_number n = state_->find(key, state_->by_key.tag_of(key));
  if (n == no_entry) return core::errc::not_found;
  const entry& flow = state_->nodes[n].flow;
  if (generation != 0 && flow.generation != generation) return core::errc::not_found;
  if (!flow.has_ttl()) return core::errc::permission_denied;
  state_->remove(n);
  ++state_->counts.erased;
  return core::errc::ok;
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
  for (entry_number n = s.next_to_expire(); taken < limit && n != no_entry && s.nodes[n].flow.due <= now; n = s.next_to_expire()) {
    s.remove(n);
    ++taken;
  }
  s.counts.expired += taken;
  return taken;
}

bool table::give_back_memory() noexcept {
  constexpr std::size_t pages = 32;  // each costs about a microsecond
  return state_->nodes.give_back(pages) || state_->by_key.give_back(pages);
}

std::optional<core::instant> table::next_due() const noexcept {
  const entry_number n = state_->next_to_expire();
  if (n == no_entry) return {};
  return state_->nodes[n].flow.due;
}

nat::stats table::stats() const noexcept {
  return state_->counts;
}

void table::watch(watcher* who) noexcept {
  state_->told = who;
}

}  // namespace omnilink::nat
