// A stream's operations for coroutines: try, wait for the socket where it is blocked, try again. There is no
// timeout here: a deadline or a kill closes the stream, and the wait then ends with errc::canceled.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "io/stream.hpp"

namespace omnilink::io {

/// Waits until a blocked operation is worth another try. `why` is what the operation returned. ok,
/// canceled, or io_failed (tcp_socket.hpp).
boost::asio::awaitable<core::errc> wait_for(stream& on, progress::kind why);

/// done with at least one byte, eof, or failed; never blocked. So are the others. `into` must not be empty.
boost::asio::awaitable<progress> read_some(stream& from, std::span<std::uint8_t> into);
/// All of `data`, down to the kernel.
boost::asio::awaitable<progress> write_all(stream& to, bytes data);
/// Ends our direction.
boost::asio::awaitable<progress> shutdown_send(stream& of);

}  // namespace omnilink::io
