// Where the connections lead: echo, sink and source (channel.hpp) in one thread.
#pragma once

#include "bench/net.hpp"

namespace omnilink::bench {

/// `how`: while it has clients that echo; bulk always finds it asleep.
[[noreturn]] void serve(const sockaddr_in& where, waits how);

}  // namespace omnilink::bench
