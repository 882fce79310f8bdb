// Certificates made on the spot, in memory, for the demo and the tests.
#pragma once

#include <boost/system/result.hpp>
#include <chrono>
#include <string>

namespace omnilink::io {

struct certificate_wish {
  std::string name;                             ///< a host name or an address: the only subjectAltName
  std::chrono::seconds valid_from{-3600};       ///< from now; an hour back, for clocks that differ
  std::chrono::seconds valid_until{24 * 3600};  ///< from now
  bool self_signed = false;                     ///< true: no CA; the certificate is its own issuer
};

struct certificate {
  std::string ca_pem;  ///< what a client must trust; of a CA whose key is gone
  std::string certificate_pem;
  std::string key_pem;
};

/// An EC P-256 certificate for TLS servers. The error is OpenSSL's reason.
boost::system::result<certificate, std::string> make_certificate(const certificate_wish& wish);

}  // namespace omnilink::io
