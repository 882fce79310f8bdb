// Bridges whose frames netfilter takes through its IP hooks while they are still below IP (br_netfilter), as Docker and Kubernetes
// want it. What a tproxy statement says of a packet there is forgotten on the way up: it would be lost.
#pragma once

#include <string>
#include <vector>

namespace omnilink::interceptor {

/// Of this network namespace.
std::vector<std::string> bridges_below_ip();

}  // namespace omnilink::interceptor
