// All that belongs to one worker: its thread, its connections, its shard of the NAT store. Actors come and go; this stays.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <unordered_map>
#include <vector>

#include "actors/accept_pause.hpp"
#include "actors/ask.hpp"
#include "actors/connection_info.hpp"
#include "actors/flow_news.hpp"
#include "actors/protocol.hpp"
#include "actors/recheck.hpp"
#include "actors/rules.hpp"
#include "actors/runtime.hpp"
#include "actors/shared.hpp"
#include "actors/snapshot.hpp"
#include "actors/tally.hpp"
#include "chain/dial.hpp"
#include "interceptor/listener_config.hpp"
#include "io/canceler.hpp"
#include "io/deadlines.hpp"
#include "io/descriptor.hpp"
#include "io/frame_pool.hpp"
#include "io/relay.hpp"
#include "io/tcp_socket.hpp"
#include "nat/table.hpp"

namespace omnilink::actors {

/// By which listener a connection came.
struct way_in {
  /// The sandbox's, which no configuration names.
  static constexpr std::size_t unnamed = static_cast<std::size_t>(-1);

  interceptor::listen_kind kind = interceptor::listen_kind::mixed;
  std::optional<core::mechanism> by{};  ///< how the kernel brings it; none: its client came by itself
  std::size_t listener = unnamed;  ///< place in configuration::listeners, the same after every reload
  std::uint64_t netns = 0;         ///< of its sockets; 0: the one that omnilink was started in
};

/// A listener's sockets for one worker, on their way to its forwarder.
struct listening {
  way_in way;
  std::vector<io::descriptor> sockets;  ///< listening, non-blocking
};

/// A listening socket of a worker.
struct accepting {
  std::shared_ptr<io::tcp_socket> socket;
  core::endpoint bound;
  way_in way;
};

/// One running connection: how others see it, and how they end it.
struct connection {
  connection_info info;
  io::canceler cancel;
  io::relay_counters counters;
  const way_numbers* way = nullptr;  ///< of its snapshot; null: not known yet
  bool idle = false;  ///< between two requests of an HTTP client
  bool draining = false;  ///< of an HTTP client no more requests are taken

  /// An HTTP client's last request is answered, and who waits for another one ends; everything else is left alone.
  void drain(core::errc why);
  core::instant quiet_since() const noexcept { return std::max(info.begun, counters.active); }
};

/// A snapshot, the filters that were in force with it, and what a dial needs of it on this worker. Whoever holds it holds all that a
/// decision points to.
struct worker_settings {
  snapshot_ptr all;
  policy_ptr policy;  ///< null: no filters
  asked_facts asked;
  chain::dial_environment dialling;

  const configuration& config() const noexcept { return all->config; }
};

/// What a worker has counted, and how it is now.
struct worker_view {
  tally counted;                           ///< with the bytes of running connections
  std::vector<std::uint32_t> on_chain;     ///< running connections by the number of their chain …
  std::vector<std::uint32_t> through_hop;  ///< … and of each of their hops
  nat::stats nat;
  worker_view& operator+=(const worker_view& more);
  /// So that every chain and hop has its place, those too that the worker has not heard of yet.
  void make_room(std::size_t chain_numbers, std::size_t hop_numbers);
};

struct worker {
  worker(caf::actor_system& system, std::uint32_t index, shared_state& shared, snapshot_ptr settings, policy_ptr policy, std::size_t flow_capacity);
  ~worker();

  // -- connections (on the worker's own thread)
  connection& open(const core::endpoint& source);
  void close(connection& which);
  void kill(connection& which, core::errc why) { which.cancel.cancel(why); }
  void kill_all(core::errc why);
  /// No more requests of HTTP clients; those that wait for one end.
  void drain();
  /// Ends so many, those first that were idle longest.
  void shed(std::uint32_t count);
  connection_list list() const;
  /// While draining: the supervisor hears when no connection is left.
  void tell_if_drained();

  /// What is to be found out of connections that begin now, for the rules and for who watches.
  asked_facts asked() const noexcept;
  /// For connections that begin from now on; those that run are asked about again.
  void use(snapshot_ptr fresh, policy_ptr policy);

  // -- what others are to know
  worker_view view() const;
  /// What a dial says of its hops: told to the hop monitor, many at once.
  void saw(const way_numbers& numbers, const chain::chain& way, const chain::dialed& outcome);
  /// What the hop monitor has not been told yet.
  hop_marks take_marks();

  // -- the shard
  /// Sweeps what is due, then hangs itself into the deadline wheel for the next time.
  void schedule_sweep();

  const std::uint32_t index;
  shared_state& shared;
  unit execution;
  io::deadlines deadlines;
  io::relay_buffer buffer;
  io::pipe_pool pipes;
  nat::table flows;
  flow_news news{flows, deadlines};
  caf::actor questions_alive;   ///< the strong reference to …
  asker& questions;             ///< … who carries this unit's questions to actors
  std::shared_ptr<const worker_settings> settings;  ///< of the connections that begin now
  std::unordered_map<std::uint64_t, connection, std::hash<std::uint64_t>, std::equal_to<>, io::frame_allocator<std::pair<const std::uint64_t, connection>>>
      connections;  // by id
  recheck on_change{execution.io()};
  std::vector<accepting> acceptors;
  accept_pause pause{execution.io()};
  std::minstd_rand random{std::random_device{}()};
  bool draining = false;
  tally counted;
  std::uint64_t next_id;  ///< ids are index + 1, index + 1 + workers, …: unique without a shared counter

 private:
  void sweep();
  io::deadlines::timer sweeper_;
  core::instant sweep_at_{};  // while that is armed
  bool sweeping_ = false;     // the next slice is on its way
  hop_marks marks_;
  io::deadlines::timer marks_due_;
};

/// Sweep slices take at most this many entries: under 100 µs at 200 ns each, which a table of a million takes.
inline constexpr std::size_t sweep_slice = 256;

}  // namespace omnilink::actors
