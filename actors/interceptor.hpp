// Every way in: asks the installer for the interception, opens the explicit listeners, hands the sockets to the forwarders,
// and knows the names behind fake addresses.
#pragma once

#include "actors/control.hpp"
#include "actors/protocol.hpp"
#include "actors/runtime.hpp"

namespace omnilink::actors {

/// "role": the room is called interceptor already.
class interceptor_role final : public pinned_actor<interceptor_actor> {
 public:
  interceptor_role(caf::actor_config& config, control& home) : pinned{config, home.execution}, home_{home} {}
  const char* name() const override { return "interceptor"; }
  behavior_type make_behavior() override;

 private:
  using per_worker = std::vector<std::vector<listening_ptr>>;

  start_report start();
  std::string install(per_worker& out);
  void serve_sandbox(interceptor::installation& from, per_worker& out);
  std::string open_listeners(per_worker& out);

  control& home_;
  std::vector<interceptor::opened_listener> opened_;  ///< by the installer, until start() has handed them on
};

}  // namespace omnilink::actors
