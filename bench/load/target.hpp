// Where the connections lead: echo, sink and source (channel.hpp) in one thread.
#pragma once

#include "bench/net.hpp"

namespace omnilink::bench {

[[noreturn]] void serve(const sockaddr_in& where);

}  // namespace omnilink::bench
