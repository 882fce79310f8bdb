// The addresses of this machine's interfaces, as they are now.
#pragma once

#include <vector>

#include "core/endpoint.hpp"

namespace omnilink::io {

/// In the network namespace of the calling thread; empty also where they cannot be read.
std::vector<core::address> host_addresses();

}  // namespace omnilink::io
