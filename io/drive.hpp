// Performs a handshake script of either role on a stream.
#pragma once

#include "io/stream.hpp"
#include "io/task.hpp"
#include "wire/handshake.hpp"

namespace omnilink::io {

struct drive_result {
  core::errc code =
      core::errc::ok;  ///< the script's outcome, or closed_early, canceled, reset, … from the stream
  int system_errno = 0;
};

/// Bytes behind the handshake stay in the stream: they come with the next read(). A script holds at most what
/// its own waits allow (64 KiB, wire/), the driver 4 KiB more. No timeout: close the stream to end it
/// (errc::canceled).
task<drive_result> drive(stream& on, wire::handshake& script);

}  // namespace omnilink::io
