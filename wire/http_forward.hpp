// What an HTTP proxy reads besides CONNECT: requests in absolute-form (RFC 9112 section 3.2.2), which go on to their origin in
// origin-form, and the origin's responses, which go back. Our own parser rather than Beast's, which lets pass what must be refused
// between two connections (line folding, lists of lengths); it keeps a head no longer than it is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/endpoint.hpp"
#include "wire/credentials.hpp"
#include "wire/handshake.hpp"
#include "wire/http_body.hpp"

namespace omnilink::wire {

struct http_request {
  core::target destination;
  std::optional<credentials> login;  ///< of Proxy-Authorization, where it is Basic
  bool reply_due = false;            ///< the client waits for an answer, whatever the result is
  bool tunnel = false;               ///< CONNECT; what follows is for the others

  std::string head;         ///< for the origin, with its empty line
  http_body body;
  bool no_body_back = false;  ///< HEAD
  bool interim = false;       ///< the client understands 1xx
  bool persistent = false;    ///< the connection may go on behind the answer
  bool upgrades = false;      ///< it may go on in another protocol
};

/// Reads a request of a client that knows it speaks to a proxy. In CONNECT's authority-form an IP address becomes an address, as in
/// a URL's host. `out` must outlive the script. Results beside ok: bad_name (not host:port, or no http:// URL), bad_version,
/// bad_message, oversized; nobody knows then where the next request would begin.
handshake http_read_request(http_request& out);

struct http_response {
  std::uint16_t status = 0;
  std::string head;  ///< for the client, without the empty line
  http_body body;
  bool persistent = false;  ///< the origin's connection may go on behind the body

  bool interim() const noexcept { return status < 200 && status != 101; }
};

/// Reads the head of an origin's response to `asked`. `out` must outlive the script. Results beside ok: bad_version, bad_message,
/// oversized.
handshake http_read_response(const http_request& asked, http_response& out);

}  // namespace omnilink::wire
