#include "io/certificate.hpp"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <initializer_list>

#include "core/endpoint.hpp"
#include "io/openssl.hpp"

namespace omnilink::io {
namespace {

using namespace openssl;

struct extension {
  int nid;
  std::string value;
};

bool set_random_serial(X509* made) {
  std::uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return false;
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(made), serial >> 1) == 1;
}

bool set_common_name(X509* made, const std::string& name) {
  // ub-common-name (RFC 5280 appendix A.1) is 64; what counts is the subjectAltName.
  const std::string shown = name.substr(0, 64);
  const auto* text = reinterpret_cast<const unsigned char*>(shown.data());
  return X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8, text,
                                    static_cast<int>(shown.size()), -1, 0) == 1;
}

bool add_extension(X509* made, X509* issuer, const extension& wanted) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, made, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, freer<X509_EXTENSION_free>> added{
      X509V3_EXT_conf_nid(nullptr, &context, wanted.nid, wanted.value.c_str())};
  return added && X509_add_ext(made, added.get(), -1) == 1;
}

// `issuer` null: signs itself.
x509_ptr sign(const std::string& name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key,
              const certificate_wish& wish, std::initializer_list<extension> extensions) {
  x509_ptr made{X509_new()};
  if (!made) return nullptr;
  X509* const by = issuer ? issuer : made.get();
  const bool ok =
      X509_set_version(made.get(), X509_VERSION_3) == 1 && set_random_serial(made.get()) &&
      X509_gmtime_adj(X509_getm_notBefore(made.get()), static_cast<long>(wish.valid_from.count())) &&
      X509_gmtime_adj(X509_getm_notAfter(made.get()), static_cast<long>(wish.valid_until.count())) &&
      X509_set_pubkey(made.get(), key) == 1 && set_common_name(made.get(), name) &&
      X509_set_issuer_name(made.get(), X509_get_subject_name(by)) == 1;
  if (!ok) return nullptr;
  for (const extension& each : extensions) {
    if (!add_extension(made.get(), by, each)) return nullptr;
  }
  return X509_sign(made.get(), issuer_key, EVP_sha256()) > 0 ? std::move(made) : nullptr;
}

std::string pem_in(BIO* memory) {
  const char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* which) {
  const bio_ptr memory{BIO_new(BIO_s_mem())};
  return PEM_write_bio_X509(memory.get(), which) == 1 ? pem_in(memory.get()) : std::string{};
}

std::string pem_of(EVP_PKEY* which) {
  const bio_ptr memory{BIO_new(BIO_s_mem())};
  const int done = PEM_write_bio_PrivateKey(memory.get(), which, nullptr, nullptr, 0, nullptr, nullptr);
  return done == 1 ? pem_in(memory.get()) : std::string{};
}

// Spelled out: an aggregate of strings could itself be made from one.
boost::system::result<certificate, std::string> failed() {
  return {boost::system::in_place_error, take_reason()};
}

}  // namespace

boost::system::result<certificate, std::string> make_certificate(const certificate_wish& wish) {
  const bool is_address = core::address::parse(wish.name).has_value();
  const extension alternative_name{NID_subject_alt_name, (is_address ? "IP:" : "DNS:") + wish.name};
  const extension purpose{NID_ext_key_usage, "serverAuth"};

  ERR_clear_error();
  const key_ptr key{EVP_EC_gen("P-256")};
  if (!key) return failed();
  if (wish.self_signed) {
    const x509_ptr alone = sign(wish.name, key.get(), nullptr, key.get(), wish, {alternative_name, purpose});
    if (!alone) return failed();
    return certificate{pem_of(alone.get()), pem_of(alone.get()), pem_of(key.get())};
  }
  const key_ptr ca_key{EVP_EC_gen("P-256")};
  if (!ca_key) return failed();
  certificate_wish of_ca = wish;
  of_ca.valid_until = std::max(wish.valid_until, std::chrono::seconds{24 * 3600});
  const x509_ptr ca = sign("omnilink temporary CA", ca_key.get(), nullptr, ca_key.get(), of_ca,
                           {{NID_basic_constraints, "critical,CA:TRUE"},
                            {NID_key_usage, "critical,keyCertSign"},
                            {NID_subject_key_identifier, "hash"}});
  if (!ca) return failed();
  const x509_ptr leaf = sign(wish.name, key.get(), ca.get(), ca_key.get(), wish, {alternative_name, purpose});
  if (!leaf) return failed();
  return certificate{pem_of(ca.get()), pem_of(leaf.get()), pem_of(key.get())};
}

}  // namespace omnilink::io
