// connect(2) for coroutines.
#pragma once

#include <boost/system/error_code.hpp>

#include "core/endpoint.hpp"
#include "io/tcp_socket.hpp"
#include "io/task.hpp"

namespace omnilink::io {

/// Opens `socket`, unless it is open, and connects it. EMFILE where only the reserve of descriptors is left. To end it early, close the socket.
task<boost::system::error_code> connect(tcp_socket& socket, const core::endpoint& to);

}  // namespace omnilink::io
