// The message face of a worker's connections: accepts, lists, kills, drains. The connections themselves are the worker's.
#pragma once

#include "actors/protocol.hpp"
#include "actors/runtime.hpp"
#include "actors/worker.hpp"

namespace omnilink::actors {

class forwarder final : public pinned_actor<forwarder_actor> {
 public:
  forwarder(caf::actor_config& config, worker& home) : pinned{config, home.execution}, home_{home} {}
  const char* name() const override { return "forwarder"; }
  behavior_type make_behavior() override;

 private:
  worker& home_;
};

}  // namespace omnilink::actors
