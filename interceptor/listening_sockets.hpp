// Which sockets of a process listen. By /proc, so for who may read it of that process.
#pragma once

#include <cstdint>
#include <vector>

#include "io/descriptor.hpp"

namespace omnilink::interceptor {

/// Descriptors of those that listen for TCP on this port, whose they stay: close-on-exec, to be closed soon, or the port stays in use.
std::vector<io::descriptor> listening_sockets(std::uint32_t pid, std::uint16_t port);

/// The TCP ports on which the process, or what descends from it, listens.
std::vector<std::uint16_t> listening_ports(std::uint32_t pid);

}  // namespace omnilink::interceptor
