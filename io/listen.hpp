// Listening TCP sockets, one per worker, among which the kernel steers by core::shard_of (socket(7)
// SO_REUSEPORT, SO_ATTACH_REUSEPORT_CBPF). Plain system calls: the sandbox's child uses it before there is
// any thread.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "core/endpoint.hpp"
#include "io/descriptor.hpp"

namespace omnilink::io {

/// Non-blocking, IPv6 without IPv4; index = worker. Port 0: one free port for all; ask bound_address() which.
/// They must stay open as long as any of them: an index changes when a member of the group closes. The error
/// is one line that names the address and the remedy.
boost::system::result<std::vector<descriptor>, std::string> open_listeners(const core::endpoint& where,
                                                                           std::uint32_t workers);

}  // namespace omnilink::io
