// One request of an HTTP client and its answer, between two streams: the head is spoken already, the bodies are handed on as they
// come, both ways at once, with TCP's own back-pressure.
#pragma once

#include "core/clock.hpp"
#include "io/deadlines.hpp"
#include "io/relay.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"
#include "wire/http_forward.hpp"

namespace omnilink::io {

struct exchange_result {
  core::errc code = core::errc::ok;  ///< ok: the answer has reached the client as it was. timed_out: see below. canceled: closed
  relay_side failed = relay_side::none;
  int system_errno = 0;
  bool answered = false;         ///< the client has the answer's head, or a part of it
  bool client_goes_on = false;   ///< another request may follow
  bool upstream_goes_on = false; ///< and be spoken to the same origin
  bool upgraded = false;         ///< both streams speak another protocol now: relay them
};

/// Sends `asked` to the origin, and its answer to the client. `last`: the client is told that no other request will be answered.
/// Ends with timed_out when no byte moved for so long as options.idle; upstream is closed then, and whenever the result is not ok.
/// Nothing is ever sent twice. A client that cancels, or its kill, closes both streams. All arguments must outlive the returned
/// awaitable.
task<exchange_result> http_exchange(stream& client, stream& upstream, wire::http_request& asked, bool last,
                                    deadlines& timers, const relay_options& options, relay_counters& counters);

}  // namespace omnilink::io
