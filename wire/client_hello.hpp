// The server's name in a TLS ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3).
#pragma once

#include "wire/first_name.hpp"

namespace omnilink::wire {

/// The first byte of every TLS client.
inline constexpr std::uint8_t tls_handshake_record = 22;

/// `begin` is everything that the client has sent so far, from the first record on.
first_name client_hello_name(bytes begin);

}  // namespace omnilink::wire
