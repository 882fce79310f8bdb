// Keeps a running service's table of flows informed of what is intercepted here, so that `omnilink query` and whoever else asks the service
// know of it. Where no service runs, nothing happens.
#pragma once

#include <memory>
#include <string>

namespace omnilink::capi {

struct in_force;

/// Begins, in a thread of its own that takes no signals and ends with `what`. Without a thread the service is not told.
void mirror(std::shared_ptr<in_force> what, std::string query_socket);

}  // namespace omnilink::capi
