// connect(2) for coroutines.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include "core/endpoint.hpp"

namespace omnilink::io {

/// Opens `socket`, which becomes non-blocking, and connects it. EMFILE where only the reserve of descriptors is left. To end it
/// early, close the socket. With half the system calls of Asio's own, which does not know that the socket is new.
boost::asio::awaitable<boost::system::error_code> connect(boost::asio::ip::tcp::socket& socket, const core::endpoint& to);

}  // namespace omnilink::io
