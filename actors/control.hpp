// All that belongs to the control unit: what the supervisor, the interceptor and the query endpoint work on. They come and
// go; this stays.
#pragma once

#include <atomic>
#include <caf/actor_addr.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "actors/ask.hpp"
#include "actors/descriptors.hpp"
#include "actors/flow_feed.hpp"
#include "actors/memory_watch.hpp"
#include "actors/numbering.hpp"
#include "actors/protocol.hpp"
#include "actors/query_server.hpp"
#include "actors/question_rates.hpp"
#include "actors/runtime.hpp"
#include "actors/shared.hpp"
#include "actors/snapshot.hpp"
#include "chain/health.hpp"
#include "interceptor/filter/engine.hpp"
#include "interceptor/installer.hpp"
#include "interceptor/resolver.hpp"
#include "io/deadlines.hpp"
#include "io/resolve.hpp"
#include "nat/names.hpp"

namespace omnilink::actors {

struct worker;

struct control {
  control(caf::actor_system& system, numbering& numbers, interceptor::installer* home);
  ~control();

  /// An actor that the supervisor watches, and how to put another one in its place.
  struct watched {
    caf::actor who;
    std::string what;                        ///< for the log: "forwarder 1"
    std::function<caf::actor()> respawn;     ///< also updates the directory
  };

  enum class phase { starting, running, draining, stopping, finished };

  caf::actor_system& system;
  unit execution;
  io::deadlines deadlines;
  memory_watch memory{*this};
  io::resolver resolver;          ///< of hop names
  caf::actor questions_alive;
  asker& questions;
  interceptor::installer* const home;
  numbering& numbers;
  const std::chrono::system_clock::time_point begun = std::chrono::system_clock::now();

  // set by service before the first actor runs
  shared_state* shared = nullptr;
  interceptor::filter::engine* filters = nullptr;  ///< after a change: put_to_use() of reload.hpp
  snapshot_ptr settings;              ///< the one in use; a reload puts another one here
  descriptor_use beside;              ///< what else is open, for other numbers of connections
  bool reloading = false;             ///< one at a time
  std::vector<worker*> workers;
  std::function<void()> on_finished;  ///< called once, on the control thread

  // the supervisor's
  phase now = phase::starting;
  phase wanted = phase::starting;           ///< draining or stopping, once somebody asked for it
  std::atomic<bool> end_was_asked_for{false};  ///< by whoever runs the service, who reads it too; not: it gave up
  std::vector<watched> children;
  std::vector<bool> drained;                ///< by worker
  std::vector<core::instant> restarts;      ///< the recent ones
  io::deadlines::timer drain_deadline{deadlines};

  // the interceptor's
  nat::names names;
  std::unique_ptr<interceptor::resolver> name_server;
  endpoint_list listening;

  // the hop monitor's
  std::vector<chain::hop_health> health;    ///< by the hop's number

  // the query endpoint's
  std::unique_ptr<query_server> queries;
  question_rates rates;
  flow_feed feed{*this};
};

}  // namespace omnilink::actors
