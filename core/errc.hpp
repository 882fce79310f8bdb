// The one error enum of omnilink, with one line of meaning per value. Adapters live where their library may be
// included: boost::system::error_code in io/error.hpp, caf::error in actors/protocol.hpp.
#pragma once

#include <cstdint>
#include <string_view>

namespace omnilink::core {

enum class errc : std::uint8_t {
  ok = 0,
  // reaching a hop or a target
  timed_out,          ///< a deadline passed
  refused,            ///< connection refused (ECONNREFUSED)
  unreachable,        ///< no route to the network or host
  reset,              ///< the peer reset the connection
  closed_early,       ///< the peer closed in the middle of a handshake
  name_not_found,     ///< the name does not exist
  resolve_failed,     ///< the resolver could not answer
  io_failed,          ///< another system error; errno tells
  // what a peer said
  bad_version,        ///< wrong protocol version
  bad_message,        ///< malformed, or not legal in this state
  oversized,          ///< longer than its limit
  bad_name,           ///< not a host name or address
  bad_command,        ///< a command or method that is not served
  method_refused,     ///< no authentication method in common
  auth_required,      ///< credentials are needed
  auth_failed,        ///< credentials were refused
  hop_refused,        ///< the hop refused the request; the reply code tells
  // TLS
  tls_failed,         ///< the TLS handshake or record layer failed
  tls_untrusted,      ///< the certificate's chain is not trusted
  tls_wrong_name,     ///< the certificate is for another name
  tls_wrong_pin,      ///< the certificate's key is none of the pinned ones
  tls_truncated,      ///< the stream ended without close_notify
  // our own decisions
  rejected,           ///< the route says reject
  rules_changed,      ///< the rules changed, and by the new ones it may not go on as it did
  not_redirected,     ///< a direct connection to an intercepting listener
  loop,               ///< would lead back to one of our own listeners
  limit_reached,      ///< a configured limit
  canceled,           ///< killed, or its owner went away
  shutting_down,      ///< the service is draining or stopping
  unsupported,        ///< not possible here
  not_found,          ///< no such thing, or none that the asker may see
  permission_denied,  ///< the system or we refused it to this user
  internal,           ///< a defect of ours, caught
};

/// A stable word for logs, JSON and metrics: "timed_out".
std::string_view name_of(errc code) noexcept;

/// One line for people: "the deadline passed".
std::string_view meaning_of(errc code) noexcept;

}  // namespace omnilink::core
