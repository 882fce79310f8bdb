// The addresses of this machine's interfaces, as they are now.
#pragma once

#include <vector>

#include "core/endpoint.hpp"
#include "io/descriptor.hpp"

namespace omnilink::io {

/// In the network namespace of the calling thread; empty also where they cannot be read.
std::vector<core::address> host_addresses();

/// Readable when one has come or gone. Empty: errno says why.
descriptor watch_host_addresses() noexcept;
/// Takes what has made it readable.
void drain_news(int watch) noexcept;

}  // namespace omnilink::io
