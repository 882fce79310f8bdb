// SOCKS4 and its extension 4a (the protocol memos of Ying-Da Lee): CONNECT only, the client's and the server's role. No
// password, no IPv6; a name travels in 4a only.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/endpoint.hpp"
#include "wire/handshake.hpp"

namespace omnilink::wire {

enum class socks4_dialect : std::uint8_t { socks4, socks4a };

/// Empty: such a hop can be asked for `destination`; otherwise why not, and the remedy.
std::string_view socks4_obstacle(const core::target& destination, socks4_dialect spoken) noexcept;

/// Asks a hop to connect to `destination`. `user` is the user-id, empty for none. `reply` gets the hop's code, and must
/// outlive the script. Results beside ok:
///   unsupported    the user-id holds a NUL or is longer than 255 bytes, or there is an obstacle; nothing was sent
///   bad_name       the destination is no valid host name; nothing was sent
///   bad_version, bad_message   the hop does not speak the protocol
///   hop_refused    91, 92 or 93
handshake socks4_connect(core::target destination, std::string user, socks4_dialect spoken, std::uint8_t& reply);

struct socks4_request {
  core::target destination;
  bool reply_due = false;  ///< the client waits for socks4_reply(), whatever the result is
};

/// Reads a client's request of either dialect; the user-id proves nothing and is forgotten. A domain that spells an IP
/// address becomes that address. `out` must outlive the script. Results beside ok:
///   bad_version      not SOCKS4; there is no answer
///   oversized        user-id or name longer than 255 bytes
///   bad_command      not CONNECT
///   bad_name         0.0.0.0, or not a host name
///   bad_message      port 0
handshake socks4_read_request(socks4_request& out);

/// The server's reply; `code` is core::socks4_reply_of(verdict).
std::array<std::uint8_t, 8> socks4_reply(std::uint8_t code) noexcept;

}  // namespace omnilink::wire
