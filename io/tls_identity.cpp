#include "io/tls_identity.hpp"

#include "core/nearest_word.hpp"
#include "io/tls_explain.hpp"
#include "io/tls_pem.hpp"

namespace omnilink::io {
namespace {

using namespace openssl;

// There is nobody who could be asked for a password.
int no_password(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

// The certificate, then those that issued it.
std::string use_chain(SSL_CTX* context, const tls_client_config& from, x509_ptr& own) {
  const std::string named = "cert " + core::quoted(from.certificate_file) + ": ";
  const bio_ptr text = read_from(from.certificate_pem);
  own = next_certificate(text.get());
  if (!own) return named + no_certificate();
  if (SSL_CTX_use_certificate(context, own.get()) != 1) return named + take_reason();
  while (x509_ptr issuer = next_certificate(text.get())) {
    if (SSL_CTX_add1_chain_cert(context, issuer.get()) != 1) return named + take_reason();
  }
  if (!at_end_of_pem()) return named + take_reason();
  ERR_clear_error();
  return {};
}

std::string use_key(SSL_CTX* context, const tls_client_config& from, X509* own) {
  const std::string named = "key " + core::quoted(from.key_file) + ": ";
  bool encrypted = false;
  const key_ptr key{PEM_read_bio_PrivateKey(read_from(from.key_pem.reveal()).get(), nullptr, no_password, &encrypted)};
  if (encrypted) return named + "it is encrypted, and a service has nobody to ask; write it without a password: openssl pkey -in FILE -out NEW";
  if (!key) return named + "there is no private key in PEM in it (" + take_reason() + ")";
  if (X509_check_private_key(own, key.get()) != 1)
    return named + "it does not belong to the certificate in " + core::quoted(from.certificate_file);
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) return named + take_reason();
  return {};
}

std::string dates_wrong(const X509* own, const std::string& file) {
  const std::string named = "cert " + core::quoted(file) + ": ";
  if (X509_cmp_current_time(X509_get0_notAfter(own)) < 0)
    return named + "it was valid until " + text_of(X509_get0_notAfter(own)) + "; a peer that asks for it will refuse it";
  if (X509_cmp_current_time(X509_get0_notBefore(own)) > 0)
    return named + "it is valid from " + text_of(X509_get0_notBefore(own)) + "; a peer that asks for it will refuse it";
  return {};
}

}  // namespace

std::string use_identity(SSL_CTX* context, const tls_client_config& from, std::string& warning) {
  if (from.certificate_file.empty()) return {};
  ERR_clear_error();
  x509_ptr own;
  if (std::string wrong = use_chain(context, from, own); !wrong.empty()) return wrong;
  warning = dates_wrong(own.get(), from.certificate_file);
  return use_key(context, from, own.get());
}

}  // namespace omnilink::io
