#include "io/tls_explain.hpp"

#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "core/endpoint.hpp"
#include "core/nearest_word.hpp"

namespace omnilink::io {
namespace {

using namespace openssl;

/// More would not fit into a line that is read.
constexpr int names_shown = 3;

std::string content_of(BIO* memory) {
  const char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return {data, static_cast<std::size_t>(size)};
}

// What a peer sent, made fit for one line.
std::string shown(const X509_NAME* name) {
  const bio_ptr memory{BIO_new(BIO_s_mem())};
  if (!memory || X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_RFC2253) < 0) return "\"\"";
  return core::quoted(content_of(memory.get()));
}

std::string address_in(const ASN1_OCTET_STRING* value) {
  const auto* data = ASN1_STRING_get0_data(value);
  core::address::bytes_v4 v4;
  core::address::bytes_v6 v6;
  if (ASN1_STRING_length(value) == static_cast<int>(v4.size())) {
    std::copy_n(data, v4.size(), v4.begin());
    return core::address::v4(v4).to_string();
  }
  if (ASN1_STRING_length(value) != static_cast<int>(v6.size())) return "a malformed address";
  std::copy_n(data, v6.size(), v6.begin());
  return core::address::v6(v6).to_string();
}

// "a.example", 192.0.2.1, …: whom the certificate is for.
std::string names_in(const X509* certificate) {
  using names_ptr = std::unique_ptr<GENERAL_NAMES, freer<GENERAL_NAMES_free>>;
  const names_ptr names{
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))};
  std::string out;
  int count = 0;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* one = sk_GENERAL_NAME_value(names.get(), i);
    if (one->type != GEN_DNS && one->type != GEN_IPADD) continue;
    if (++count > names_shown) return out + ", …";
    if (!out.empty()) out += ", ";
    if (one->type == GEN_IPADD) out += address_in(one->d.iPAddress);
    else out += core::quoted({reinterpret_cast<const char*>(ASN1_STRING_get0_data(one->d.dNSName)),
                              static_cast<std::size_t>(ASN1_STRING_length(one->d.dNSName))});
  }
  return out.empty() ? "no host (subjectAltName is missing, a common name does not count)" : out;
}

std::string what_is_meant(int error, const X509* certificate) {
  const std::string subject = shown(X509_get_subject_name(certificate));
  const std::string issuer = shown(X509_get_issuer_name(certificate));
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return subject + " was valid until " + text_of(X509_get0_notAfter(certificate));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return subject + " is valid from " + text_of(X509_get0_notBefore(certificate));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "it is for " + names_in(certificate);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "the issuer " + issuer + " is not trusted here, and the peer did not send its certificate";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return "the authority " + subject + " is not trusted here";
    case X509_V_ERR_INVALID_CA:
      return subject + " may not issue certificates";
    case X509_V_ERR_INVALID_PURPOSE:
      return subject + " is not for servers (extendedKeyUsage)";
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
      return "the key of " + subject + " has " + std::to_string(EVP_PKEY_get_bits(X509_get0_pubkey(certificate))) + " bits";
    case X509_V_ERR_CA_MD_TOO_WEAK:
      return subject + " is signed with " + OBJ_nid2ln(X509_get_signature_nid(certificate));
    default:
      return subject;
  }
}

bool is_certificate_alert(int reason) {
  constexpr std::array alerts{
      SSL_R_SSLV3_ALERT_NO_CERTIFICATE,      SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,     SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
      SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
      SSL_R_TLSV1_ALERT_UNKNOWN_CA,          SSL_R_TLSV1_ALERT_ACCESS_DENIED,       SSL_R_TLSV1_ALERT_DECRYPT_ERROR};
  return std::ranges::find(alerts, reason) != alerts.end();
}

// What OpenSSL's reason says about the peer; empty: nothing more.
std::string about_peer(int reason, const tls_client_config& wanted) {
  const std::string newest = wanted.least == tls_version::v1_3 ? "TLS 1.3" : "TLS 1.2 or newer";
  switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return "the peer does not speak " + newest;
    case SSL_R_WRONG_VERSION_NUMBER:
      return "what the peer sends is not TLS";
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      return wanted.certificate_file.empty() ? "the peer has no cipher in common with us, or demands a client certificate (cert and key)"
                                             : "the peer has no cipher in common with us, or does not accept our certificate";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "the peer demands a client certificate (cert and key)";
    case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
      return "the peer speaks none of the protocols in alpn";
    default:
      return !wanted.certificate_file.empty() && is_certificate_alert(reason) ? "the peer does not accept our certificate" : "";
  }
}

}  // namespace

std::string explain_chain(X509_STORE_CTX* chain) {
  const int error = X509_STORE_CTX_get_error(chain);
  std::string out = X509_verify_cert_error_string(error);
  if (const X509* certificate = X509_STORE_CTX_get_current_cert(chain)) out += ": " + what_is_meant(error, certificate);
  return out;
}

std::string explain_error(unsigned long error, const tls_client_config& wanted) {
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  std::string out = reason ? reason : error == 0 ? "unknown reason" : "error " + std::to_string(error);
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return out;
  const std::string peer = about_peer(ERR_GET_REASON(error), wanted);
  return peer.empty() ? out : out + ": " + peer;
}

std::string text_of(const ASN1_TIME* when) {
  const bio_ptr memory{BIO_new(BIO_s_mem())};
  return memory && ASN1_TIME_print(memory.get(), when) == 1 ? content_of(memory.get()) : "an unknown time";
}

}  // namespace omnilink::io
