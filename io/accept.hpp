// What is asked of a bare descriptor: accept without waiting, and its two addresses.
#pragma once

#include <cstdint>
#include <string>

#include "core/endpoint.hpp"
#include "io/descriptor.hpp"

namespace omnilink::io {

struct accepted {
  core::endpoint source;   ///< of a TCP connection
  descriptor socket;       ///< non-blocking, close-on-exec; empty: see below
  bool exhausted = false;  ///< the process or the system is out of descriptors or memory: pause, then go on
  bool none_left = false;  ///< the queue is empty; false with no socket: that one connection failed, go on
  int system_errno = 0;
};

/// Takes one connection (TCP or unix) off a listening socket.
accepted accept_one(int listener) noexcept;

/// Closes a connected TCP socket with an RST.
void reset(descriptor socket) noexcept;

/// getsockname(2) and getpeername(2); 0.0.0.0:0 when there is none, or the socket is not of IPv4 or IPv6.
core::endpoint bound_address(int fd) noexcept;
core::endpoint peer_address(int fd) noexcept;

/// SO_COOKIE (socket(7)): the socket itself, whoever holds a descriptor of it; 0: not a socket.
std::uint64_t socket_cookie(int fd) noexcept;

/// SO_NETNS_COOKIE: the network namespace of a socket, as its number since boot; 0: not a socket, or a kernel before 5.14.
std::uint64_t netns_cookie(int fd) noexcept;

/// The interface that an accepted TCP connection came in by, "eth0"; of this machine's own connections "lo". Empty: unknown.
std::string incoming_interface(int fd);

}  // namespace omnilink::io
