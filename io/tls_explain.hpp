// OpenSSL's reasons in words that help. For io/tls*.cpp only.
#pragma once

#include <ctime>
#include <string>

#include "io/openssl.hpp"
#include "io/tls_config.hpp"

namespace omnilink::io {

/// Why this chain is refused, and what in it is meant: "certificate has expired: CN=a was valid until …".
std::string explain_chain(X509_STORE_CTX* chain);

/// A failed handshake or stream: OpenSSL's reason, and what it says about the peer. `error` is one of ERR_get_error(3).
std::string explain_error(unsigned long error, const tls_client_config& wanted);

/// Of a certificate's dates: "Nov 25 18:00:00 2026 GMT".
std::string text_of(const ASN1_TIME* when);

}  // namespace omnilink::io
