// A stream's operations for coroutines: try, wait for the socket where it is blocked, try again. There is no
// timeout here: a deadline or a kill closes the stream, and the wait then ends with errc::canceled.
#pragma once

#include "io/stream.hpp"
#include "io/task.hpp"

namespace omnilink::io {

/// Waits until a blocked operation is worth another try. `why` is what the operation returned. ok,
/// canceled, or io_failed (tcp_socket.hpp).
socket_wait wait_for(stream& on, progress::kind why) noexcept;

/// done with at least one byte, eof, or failed; never blocked. So are the others. `into` must not be empty.
task<progress> read_some(stream& from, std::span<std::uint8_t> into);
/// All of `data`, down to the kernel.
task<progress> write_all(stream& to, bytes data);
/// Ends our direction.
task<progress> shutdown_send(stream& of);

}  // namespace omnilink::io
