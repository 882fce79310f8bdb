// The message face of a worker's NAT shard. The table is the worker's, and outlives the actor.
#pragma once

#include "actors/protocol.hpp"
#include "actors/runtime.hpp"
#include "actors/worker.hpp"

namespace omnilink::actors {

class nat_shard final : public pinned_actor<nat_shard_actor> {
 public:
  nat_shard(caf::actor_config& config, worker& home) : pinned{config, home.execution}, home_{home} {}
  const char* name() const override { return "nat_shard"; }
  behavior_type make_behavior() override;

 private:
  worker& home_;
};

}  // namespace omnilink::actors
