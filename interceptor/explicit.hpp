// The explicit ways in: a client that knows it speaks to a proxy says SOCKS5 or HTTP, on a mixed listener
// either, or SOCKS4. HTTP is CONNECT, or plain requests that are to be forwarded.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/endpoint.hpp"
#include "core/verdict.hpp"
#include "interceptor/listener_config.hpp"
#include "interceptor/users.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"
#include "wire/http_forward.hpp"

namespace omnilink::interceptor {

struct explicit_request {
  enum class dialect : std::uint8_t { socks4, socks5, http };

  core::errc code = core::errc::ok;
  int system_errno = 0;
  core::target destination;           ///< meaningful when ok
  dialect spoken = dialect::socks5;
  std::unique_ptr<wire::http_request> http;  ///< to be forwarded, message by message; null: a tunnel is wanted
  bool reply_due = false;             ///< the client waits for an answer, whatever `code` is
  bool refused = false;               ///< it was told so already, and only has to read it
  std::string user;                   ///< who logged in; empty: nobody had to
  std::string_view detail;            ///< more about `code`, or nothing
};

/// Reads the client's request, and where there is a gate nobody's without a login: `gate` null means that everyone is welcome. The
/// caller bounds it in time by closing the stream.
io::task<explicit_request> read_request(io::stream& client, listen_kind kind, const gatekeeper* gate);

/// Tells the client what became of its request, in its own dialect: "connected" when the verdict is ok. `goes_on`: an HTTP client may
/// ask for something else on the same connection. Not for a forwarded request that is ok: its answer is the origin's.
io::task<io::progress> answer(io::stream& client, const explicit_request& request,
                              const core::verdict& outcome, bool goes_on);

/// After a refusal: ends our direction and reads on until the client closes, so that unread bytes of its don't turn the
/// answer into an RST before it was read. The caller bounds it in time.
io::task<> linger(io::stream& client);

}  // namespace omnilink::interceptor
