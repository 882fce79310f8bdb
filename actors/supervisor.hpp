// Starts the other actors in order, puts a new one in the place of one that died and says so, and ends the service: drain,
// then stop.
#pragma once

#include "actors/control.hpp"
#include "actors/protocol.hpp"
#include "actors/runtime.hpp"

namespace omnilink::actors {

class supervisor final : public pinned_actor<supervisor_actor> {
 public:
  supervisor(caf::actor_config& config, control& home);
  const char* name() const override { return "supervisor"; }
  behavior_type make_behavior() override;

 private:
  caf::result<start_report> start();
  void spawn_children();
  void add_child(std::string what, std::function<caf::actor()> spawn);
  void replace(const caf::actor_addr& dead, const caf::error& reason);
  bool restarts_too_often();
  void tell_forwarders_to_end();
  void drain();
  void stop();
  void worker_drained(std::uint32_t which);

  control& home_;
};

/// Drain or stop, on the control thread: remembered, so that the death of the supervisor does not lose it.
void want(control& home, control::phase what);

/// Spawns a supervisor, and another one in its place whenever it dies while the service runs.
void spawn_supervisor(control& home);

}  // namespace omnilink::actors
