// What all units of one service share: immutable after start, or atomic.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "actors/admission.hpp"
#include "actors/directory.hpp"
#include "interceptor/attribution.hpp"
#include "interceptor/lent_sockets.hpp"
#include "interceptor/library.hpp"
#include "interceptor/own_connections.hpp"
#include "interceptor/own_listeners.hpp"
#include "io/descriptor.hpp"
#include "io/password_checker.hpp"
#include "io/resolve.hpp"

namespace omnilink::actors {

struct worker;

struct shared_state {
  shared_state(io::resolver& names, io::password_checker& logins, interceptor::attribution& owners, directory& d)
      : resolver{names}, passwords{logins}, programs{owners}, who{d} {}

  io::resolver& resolver;
  io::password_checker& passwords;
  interceptor::attribution& programs;
  directory& who;
  interceptor::own_listeners own;          ///< written before the first listener accepts
  interceptor::own_connections own_pairs;  ///< where the kernel redirects in our own network namespace
  io::descriptor origins, exe_paths;       ///< likewise; of cgroup listeners: where their connections wanted to go, and whose they are
  interceptor::lent_sockets sources;       ///< likewise; for connections that have their client's address
  interceptor::library* library = nullptr; ///< whose callouts are asked, and who hears of verdicts; set before the first worker is made
  std::uint64_t sandbox_netns = 0;         ///< likewise
  std::uint64_t own_netns = 0;             ///< likewise: the cookie of our own network namespace
  bool redirects_here = false;             ///< it does; set before the first worker is made
  bool sandboxed = false;                  ///< the programs' loopback is their own; set before the first worker is made
  std::vector<worker*> workers;            ///< likewise; their units are where their state may be reached
  std::atomic<std::uint32_t> connections{0};  ///< over all workers; the gate's
  admission gate{connections};
  std::atomic<std::uint64_t> shed{0};         ///< connections that ended because memory ran out
  std::atomic<std::uint64_t> loops{0};        ///< connections refused by invariant 4
  std::atomic<std::uint64_t> denied{0};       ///< clients that a listener's `clients` leaves out
  std::atomic<std::uint32_t> restarts{0};     ///< of actors; notified
};

}  // namespace omnilink::actors
