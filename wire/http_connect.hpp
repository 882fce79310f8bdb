// HTTP CONNECT (RFC 9110 section 9.3.6, RFC 9112): the client's role, and the server's answers (its reader: http_forward.hpp). No
// header of a hop is ever interpreted or stored; a head is read line by line and each line forgotten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "core/endpoint.hpp"
#include "core/verdict.hpp"
#include "wire/credentials.hpp"
#include "wire/handshake.hpp"
#include "wire/http_head.hpp"

namespace omnilink::wire {

/// How far the client's role came, for the verdict.
struct http_outcome {
  core::step step = core::step::request;  ///< auth after a 407
  std::uint16_t status = 0;               ///< the last status that was read; 0: none
};

/// Asks a hop for a tunnel to `destination`, with Basic credentials (RFC 7617) where given. Any 2xx is a
/// tunnel that begins behind the head, whatever its framing headers say. `out` must outlive the script.
/// Results beside ok:
///   unsupported   the credentials do not fit (255 bytes each, no control bytes, no colon in the user);
///   nothing was sent bad_name      the destination is no valid host name; nothing was sent bad_version,
///   bad_message, oversized   the hop does not speak the protocol auth_required, auth_failed   407, without
///   and with credentials hop_refused   any other status. It is reported as soon as its line is there; the
///   hop's connection is of no more use
handshake http_connect(core::target destination, std::optional<credentials> login, http_outcome& out);

/// The server's whole reply. 200: the tunnel begins behind it; everything else: one line of text, and the
/// connection is to be closed unless `goes_on`. `status` as by core::http_status_of(verdict), or 501.
std::string http_reply(std::uint16_t status, bool goes_on = false);

}  // namespace omnilink::wire
