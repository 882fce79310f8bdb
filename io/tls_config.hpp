// What a TLS client asks of its peer: a value, without OpenSSL.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/secret.hpp"
#include "core/spki_pin.hpp"

namespace omnilink::io {

enum class tls_version : std::uint8_t { v1_2, v1_3 };

struct tls_client_config {
  std::string name{};     ///< a host name or an address: what the certificate must be for, and SNI
  std::string ca_file{};  ///< for messages; empty: the system's certificates are trusted, otherwise those in …
  std::string ca_pem{};   ///< … this
  tls_version least = tls_version::v1_2;
  std::vector<core::spki_pin> pins{};  ///< none: any key; otherwise the certificate's own must be one of them
  std::vector<std::string> alpn{};     ///< RFC 7301; none: the extension is not sent
  /// Our own certificate and those between it and a CA, PEM, and its key; both or neither. The files are for messages.
  std::string certificate_file{};
  std::string certificate_pem{};
  std::string key_file{};
  core::secret key_pem{};
};

}  // namespace omnilink::io
