// SOCKS5 (RFC 1928) with user and password (RFC 1929): CONNECT only, the client's and the server's role.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/endpoint.hpp"
#include "core/verdict.hpp"
#include "wire/credentials.hpp"
#include "wire/handshake.hpp"

namespace omnilink::wire {

/// How far the client's role came, for the verdict.
struct socks5_outcome {
  core::step step = core::step::auth;  ///< auth: method and login; request: from the request on
  std::uint8_t reply = 0;              ///< REP (RFC 1928 section 6) when the result is hop_refused
};

/// Asks a hop to connect to `destination`. With credentials only user/password is offered, never "no
/// authentication": a hop cannot talk us down. `pipelined`: greeting, login and request go out together, a round trip less, two with a login; for hops
/// that read no more than one message at a time (RFC 1928 does not ask it of them), which then see the login even if they refuse it.
/// `out` must outlive the script. Results beside ok:
///   unsupported    the credentials do not fit (user and password: 1 to 255 bytes each); nothing was sent
///   bad_name       the destination is no valid host name; nothing was sent
///   bad_version, bad_message   the hop does not speak the protocol, or chose a method that was not offered
///   method_refused, auth_failed, hop_refused   the hop said no
handshake socks5_connect(core::target destination, std::optional<credentials> login, socks5_outcome& out, bool pipelined = false);

/// Reads a client's greeting and chooses the method: user and password where `with_login`, and then reads those, otherwise
/// "no authentication". Nothing else is accepted (05 FF). The login is judged by the caller. `out` must outlive the script.
/// Results beside ok:
///   bad_version      not SOCKS5, or not the login's version 1; there is no answer
///   method_refused   05 FF was sent
///   bad_message      a user of no bytes
handshake socks5_read_greeting(bool with_login, credentials& out);

struct socks5_request {
  core::target destination;
  bool reply_due = false;  ///< the client waits for socks5_reply(), whatever the result is
};

/// Behind the greeting: tells the client that its login is good, where it sent one, and reads its request. `out` must
/// outlive the script. A domain that spells an IP address becomes that address. Results beside ok:
///   bad_version      not SOCKS5; there is no answer
///   bad_command      not CONNECT
///   bad_name         unknown address type, or not a host name
///   bad_message      reserved byte set, port 0
handshake socks5_read_request(bool with_login, socks5_request& out);

/// The answer to a login that is not good; the connection is to be closed (RFC 1929 section 2).
std::array<std::uint8_t, 2> socks5_login_refusal() noexcept;

/// The server's reply with the bound address 0.0.0.0:0; `reply` is REP: core::socks5_reply_of(verdict).
std::array<std::uint8_t, 10> socks5_reply(std::uint8_t reply) noexcept;

}  // namespace omnilink::wire
