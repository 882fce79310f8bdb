// Between addresses as values (core) and as Asio and the system want them.
#pragma once

#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <optional>

#include "core/endpoint.hpp"

namespace omnilink::io {

boost::asio::ip::address to_asio(const core::address& from) noexcept;

/// `Endpoint` is ip::tcp::endpoint or ip::udp::endpoint.
template <class Endpoint>
Endpoint to_asio(const core::endpoint& from) noexcept {
  return Endpoint{to_asio(from.address), from.port};
}

core::address to_core(const boost::asio::ip::address& from) noexcept;

template <class Endpoint>
core::endpoint to_core(const Endpoint& from) noexcept {
  return {to_core(from.address()), from.port()};
}

/// Fills `into` and returns how many of its bytes count.
socklen_t to_sockaddr(const core::endpoint& from, sockaddr_storage& into) noexcept;
/// nullopt: neither AF_INET nor AF_INET6.
std::optional<core::endpoint> from_sockaddr(const sockaddr_storage& from) noexcept;

/// 0.0.0.0:0 when the socket is not connected (any more), or not bound.
core::endpoint remote_endpoint(const boost::asio::ip::tcp::socket& socket) noexcept;
core::endpoint local_endpoint(const boost::asio::ip::tcp::socket& socket) noexcept;

}  // namespace omnilink::io
