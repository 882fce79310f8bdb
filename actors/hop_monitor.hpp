// Hears from the workers how the hops fare. What it knows is control's: its death, or a reload, forgets nothing.
#pragma once

#include "actors/control.hpp"
#include "actors/protocol.hpp"
#include "actors/runtime.hpp"

namespace omnilink::actors {

class hop_monitor final : public pinned_actor<hop_monitor_actor> {
 public:
  hop_monitor(caf::actor_config& config, control& home) : pinned{config, home.execution}, home_{home} {}
  const char* name() const override { return "hop_monitor"; }
  behavior_type make_behavior() override;

 private:
  control& home_;
};

/// On control.
void remember(control& home, const hop_marks& seen);

}  // namespace omnilink::actors
