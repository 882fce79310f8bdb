// Certificates one after the other out of a PEM text. For io/tls*.cpp only.
#pragma once

#include <openssl/pem.h>

#include <string_view>

#include "io/openssl.hpp"

namespace omnilink::io {

/// The text must outlive it.
inline openssl::bio_ptr read_from(std::string_view pem) {
  return openssl::bio_ptr{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
}

/// Null: there is none, or none that can be read; at_end_of_pem() tells.
inline openssl::x509_ptr next_certificate(BIO* from) {
  return openssl::x509_ptr{PEM_read_bio_X509(from, nullptr, nullptr, nullptr)};
}

/// Whether the latest read failed because nothing was left.
inline bool at_end_of_pem() {
  const unsigned long error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

inline std::string no_certificate() {
  return at_end_of_pem() ? "there is no certificate in PEM in it" : openssl::take_reason();
}

}  // namespace omnilink::io
