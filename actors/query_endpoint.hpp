// Starts the query server, whose sockets and sessions are control's.
#pragma once

#include "actors/control.hpp"
#include "actors/protocol.hpp"
#include "actors/runtime.hpp"

namespace omnilink::actors {

class query_endpoint final : public pinned_actor<query_endpoint_actor> {
 public:
  query_endpoint(caf::actor_config& config, control& home) : pinned{config, home.execution}, home_{home} {}
  const char* name() const override { return "query_endpoint"; }
  behavior_type make_behavior() override;

 private:
  control& home_;
};

}  // namespace omnilink::actors
