// Carries bytes both ways between two streams until both have ended, with TCP's own back-pressure: nothing is
// read while the other side does not take what was read before.
#pragma once

#include <array>
#include <functional>

#include "core/clock.hpp"
#include "io/brake.hpp"
#include "io/deadlines.hpp"
#include "io/pipe_pool.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"

namespace omnilink::io {

/// What a read lands in; one per worker, used only inside one call, so that a connection at rest holds no
/// buffer. 128 KiB: below it the CPU time per byte rises, above it the caches suffer.
struct relay_buffer {
  std::array<std::uint8_t, 128 * 1024> bytes;
};

struct relay_options {
  core::nanoseconds idle;        ///< ends a connection when no byte went either way for so long; > 0
  core::nanoseconds half_close;  ///< the same, once one direction has ended; > 0
  buckets up{};                  ///< what holds back the bytes from the client …
  buckets down{};                ///< … and those from upstream; they outlive the relay
  /// Hears once what upstream says first, before the client does; any code but ok ends the relay with it, both ways by RST.
  std::function<core::errc(bytes)> on_answer{};
};

/// May be read on the worker while the relay runs.
struct relay_counters {
  std::uint64_t up = 0;       ///< bytes from the client that upstream's stream has taken
  std::uint64_t down = 0;     ///< and the other way
  std::uint64_t spliced = 0;  ///< of both, what went through a pipe
  core::instant active{};     ///< when the last of them went
};

enum class relay_side : std::uint8_t { none, client, upstream };

struct relay_result {
  std::uint64_t up = 0;
  std::uint64_t down = 0;
  core::errc code =
      core::errc::ok;  ///< ok: both directions ended in order. timed_out: see relay_options. canceled: closed
  relay_side failed = relay_side::none;  ///< where the first failure was seen; none for ok and timed_out
  int system_errno = 0;
};

/// What a relay lies between, and what it works with: begins one.
struct relay_beginning {
  stream& client;
  stream& upstream;
  relay_buffer& buffer;
  pipe_pool& pipes;
  deadlines& timers;
  const relay_options& options;
  relay_counters& counters;
  void operator()(resumption<relay_result> done) const;
};

/// Between two plain sockets, a direction in bulk moves to splice(2) for as long as bytes keep coming and a
/// pipe can be had. Ends when both directions have ended: an end is handed on after the last byte and the
/// other direction lives on. When a side fails (RST, or TLS cut off without close_notify), what it sent
/// before is handed on, and then both streams are set to reset on close, as after a timeout: nobody may take
/// a failure for an end. The caller closes the streams at once, which is how a plain one learns of the second
/// end; closing both earlier ends the relay with `canceled`. All arguments must outlive the returned
/// awaitable.
[[nodiscard]] inline auto relay(stream& client, stream& upstream, relay_buffer& buffer, pipe_pool& pipes, deadlines& timers,
                                const relay_options& options, relay_counters& counters) noexcept {
  return completed<relay_result>(relay_beginning{client, upstream, buffer, pipes, timers, options, counters});
}

}  // namespace omnilink::io
