// What all units of one service share: immutable after start, or atomic.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "actors/configuration.hpp"
#include "actors/directory.hpp"
#include "chain/route.hpp"
#include "chain/tls_contexts.hpp"
#include "interceptor/own_connections.hpp"
#include "interceptor/own_listeners.hpp"
#include "io/resolve.hpp"

namespace omnilink::actors {

struct worker;

struct shared_state {
  shared_state(const configuration& c, const chain::router& r, const chain::tls_contexts& t, io::resolver& names, directory& d)
      : config{c}, router{r}, tls{t}, resolver{names}, who{d} {}

  const configuration& config;
  const chain::router& router;
  const chain::tls_contexts& tls;
  io::resolver& resolver;
  directory& who;
  interceptor::own_listeners own;          ///< written before the first listener accepts
  interceptor::own_connections own_pairs;  ///< where the kernel redirects in our own network namespace
  std::uint64_t sandbox_netns = 0;         ///< likewise
  bool redirects_here = false;             ///< it does; set before the first worker is made
  bool sandboxed = false;                  ///< the programs' loopback is their own; set before the first worker is made
  std::vector<worker*> workers;            ///< likewise; their units are where their state may be reached
  std::atomic<std::uint32_t> connections{0};  ///< over all workers, against service.max_connections
  std::atomic<std::uint64_t> loops{0};        ///< connections refused by invariant 4
  std::atomic<std::uint32_t> restarts{0};     ///< of actors; notified
};

}  // namespace omnilink::actors
