#include "actors/worker.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

namespace omnilink::actors {
namespace {

// The hop monitor is told so often while there is something to tell …
constexpr core::nanoseconds marks_pause = std::chrono::milliseconds{100};
// … and at most so much, 88 bytes each: under a load that makes more, these are a fair sample.
constexpr std::size_t marks_max = 64;

}  // namespace

worker::worker(caf::actor_system& sys, std::uint32_t i, shared_state& everyone, snapshot_ptr first, policy_ptr policy, std::size_t flow_capacity)
    : index{i},
      shared{everyone},
      execution{sys, "worker-" + std::to_string(i)},
      deadlines{execution.io().get_executor()},
      flows{first->config.nat, flow_capacity, core::clock::now()},
      questions_alive{sys.spawn<asker>(execution, deadlines)},
      questions{*static_cast<asker*>(caf::actor_cast<caf::abstract_actor*>(questions_alive))},
      next_id{i + 1},
      sweeper_{deadlines},
      marks_due_{deadlines} {
  use(std::move(first), std::move(policy));
}

void worker::use(snapshot_ptr fresh, policy_ptr policy) {
  const auto is_own = [&own = shared.own](const core::endpoint& where) { return own.contains(where); };
  chain::dial_environment dialling{shared.resolver, deadlines, fresh->tls, fresh->config.timeouts, is_own, {}, shared.sandboxed};
  const auto asks_pairs = [](const auto& listener) {
    const auto by = interceptor::mechanism_of(listener);
    return by && core::keeps_destination(*by);
  };
  if (shared.redirects_here && std::ranges::any_of(fresh->config.listeners, asks_pairs)) {
    dialling.remember = [&pairs = shared.own_pairs](const core::endpoint& local, const core::endpoint& remote) {
      auto known = pairs.dialled(local, remote);
      return known.loops ? nullptr : std::move(known.held);
    };
  }
  dialling.lend_socket = [&sources = shared.sources](bool v6) { return sources.take(v6); };
  counted.make_room(fresh->chain_numbers, fresh->hop_numbers);
  const asked_facts asked = facts_of(policy.get(), fresh->config);
  settings = std::make_shared<const worker_settings>(worker_settings{std::move(fresh), std::move(policy), asked, std::move(dialling)});
  on_change.begin(settings);
}

asked_facts worker::asked() const noexcept {
  asked_facts out = settings->asked;
  out.program |= news.asks_for_owners();
  return out;
}

worker::~worker() = default;

connection& worker::open(const core::endpoint& source) {
  connection& out = connections[next_id];
  out.info.id = next_id;
  out.info.source = source;
  out.info.begun = core::clock::now();
  out.draining = draining;
  next_id += shared.who.workers();
  return out;
}

void worker::close(connection& which) {
  connections.erase(which.info.id);
  tell_if_drained();
}

void worker::tell_if_drained() {
  if (draining && connections.empty()) caf::anon_send(shared.who.supervisor(), drained_atom::value, index);
}

void worker::kill_all(core::errc why) {
  // Canceling closes sockets and posts completions; none of them runs in here, so the map stays as it is.
  for (auto& [id, one] : connections) one.cancel.cancel(why);
}

void worker::shed(std::uint32_t count) {
  std::vector<connection*> all;
  all.reserve(connections.size());
  for (auto& [id, one] : connections) all.push_back(&one);
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(count, all.size()));
  std::ranges::nth_element(all, end, {}, &connection::quiet_since);
  std::for_each(all.begin(), end, [this](connection* one) { kill(*one, core::errc::limit_reached); });
  shared.shed.fetch_add(static_cast<std::uint64_t>(end - all.begin()), std::memory_order_relaxed);
}

void connection::drain(core::errc why) {
  draining = true;
  if (idle) cancel.cancel(why);
}

void worker::drain() {
  draining = true;
  for (auto& [id, one] : connections) one.drain(core::errc::shutting_down);
}

connection_list worker::list() const {
  connection_list out;
  out.reserve(connections.size());
  for (const auto& [id, one] : connections) {
    out.push_back(one.info);
    out.back().bytes_up = one.counters.up;
    out.back().bytes_down = one.counters.down;
  }
  return out;
}

worker_view worker::view() const {
  worker_view out{counted, {}, {}, flows.stats()};
  out.make_room(0, 0);
  for (const auto& [id, one] : connections) {
    const std::uint16_t chain = one.way ? one.way->chain : numbering::no_chain;
    ++out.on_chain[chain];
    out.counted.chains[chain].up += one.counters.up;
    out.counted.chains[chain].down += one.counters.down;
    if (!one.way) continue;
    for (const std::uint16_t hop : one.way->hops) ++out.through_hop[hop];
  }
  return out;
}

worker_view& worker_view::operator+=(const worker_view& more) {
  counted += more.counted;
  add(on_chain, more.on_chain);
  add(through_hop, more.through_hop);
  nat += more.nat;
  return *this;
}

void worker_view::make_room(std::size_t chain_numbers, std::size_t hop_numbers) {
  counted.make_room(chain_numbers, hop_numbers);
  on_chain.resize(counted.chains.size());
  through_hop.resize(counted.hops.size());
}

void worker::saw(const way_numbers& numbers, const chain::chain& way, const chain::dialed& outcome) {
  const std::size_t tried = outcome.hop_times.size();
  if (tried == 0 || marks_.size() >= marks_max) return;
  const auto now = core::clock::now();
  for (std::size_t i = 0; i < numbers.hops.size(); ++i) {
    auto seen = chain::outcome_of(outcome.verdict, way, i, i < tried ? outcome.hop_times[i] : chain::hop_time{}, now);
    if (seen) marks_.push_back({numbers.hops[i], std::move(*seen)});
  }
  if (marks_.empty() || marks_due_.armed()) return;
  marks_due_.arm(now + marks_pause, [this] { caf::anon_send(shared.who.hop_monitor(), marks_atom::value, take_marks()); });
}

hop_marks worker::take_marks() {
  marks_due_.disarm();
  return std::exchange(marks_, {});
}

void worker::schedule_sweep() {
  if (sweeping_) return;  // it looks again at its end
  const auto due = flows.next_due();
  // What has just been announced, or closed, may be due after or before what the wheel waits for.
  if (!due || (sweeper_.armed() && sweep_at_ <= *due)) return;
  sweep_at_ = *due;
  sweeper_.arm(*due, [this] { sweep(); });
}

void worker::sweep() {
  const bool all_taken = flows.sweep(core::clock::now(), sweep_slice) < sweep_slice;
  const bool all_given_back = !flows.give_back_memory();
  sweeping_ = !all_taken || !all_given_back;
  if (!sweeping_) return schedule_sweep();
  // There is more: the sockets first, then the next slice.
  boost::asio::post(execution.io(), [this] { sweep(); });
}

}  // namespace omnilink::actors
