// A source address that is somebody else's.
#pragma once

#include "core/endpoint.hpp"

namespace omnilink::io {

/// Gives an unbound IP_TRANSPARENT socket this address and a port of which no program on Linux opens a connection unless it says so: the
/// client that has the address may well have a connection to the same target, which is another one. 0, or an errno.
int bind_foreign(int socket, const core::address& source) noexcept;

}  // namespace omnilink::io
