#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/endpoint.hpp"
#include "core/host_name.hpp"
#include "core/nearest_word.hpp"
#include "io/tls_explain.hpp"
#include "io/tls_identity.hpp"
#include "io/tls_pem.hpp"
#include "io/tls_settings.hpp"

namespace omnilink::io {
namespace {

using namespace openssl;
using core::errc;

// 112 bits of strength: RSA and DH of at least 2048, no SHA-1 signatures (SSL_CTX_set_security_level(3)).
constexpr int security_level = 2;
// One read takes several records (at most 16 KiB each, RFC 8446 section 5.1); released while the connection
// is at rest.
constexpr std::size_t read_buffer_size = 64 * 1024;

context_ptr make_context(const SSL_METHOD* method) {
  ERR_clear_error();
  context_ptr made{SSL_CTX_new(method)};
  if (!made || SSL_CTX_set_min_proto_version(made.get(), TLS1_2_VERSION) != 1) return nullptr;
  // The machine's configuration may ask for more, not for less.
  if (SSL_CTX_get_security_level(made.get()) < security_level) SSL_CTX_set_security_level(made.get(), security_level);
  SSL_CTX_set_options(made.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // A write that has to wait for the handshake comes again with the same bytes elsewhere.
  SSL_CTX_set_mode(made.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(made.get(), 1);
  SSL_CTX_set_default_read_buffer_len(made.get(), read_buffer_size);
  return made;
}

// Empty: done.
std::string trust(SSL_CTX* context, const tls_client_config& wanted) {
  if (wanted.ca_file.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return {};
    return "the system's certificates: " + take_reason();
  }
  const std::string named = "ca " + core::quoted(wanted.ca_file) + ": ";
  const bio_ptr text = read_from(wanted.ca_pem);
  int count = 0;
  while (const x509_ptr one = next_certificate(text.get())) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get()) != 1) return named + take_reason();
    ++count;
  }
  if (count == 0) return named + no_certificate();
  return at_end_of_pem() ? std::string{} : named + take_reason();
}

int take_session(SSL* engine, SSL_SESSION* session) {
  static_cast<tls_context::impl*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(engine)))->sessions.keep(session);
  return 0;  // it stays OpenSSL's; ours is a copy
}

// nullopt: memory is short.
std::optional<core::spki_pin> pin_of(const X509* certificate) {
  core::spki_pin out;
  unsigned char* key = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);
  const bool done = size > 0 && EVP_Digest(key, static_cast<std::size_t>(size), out.digest.data(), nullptr, EVP_sha256(), nullptr) == 1;
  OPENSSL_free(key);
  return done ? std::optional{out} : std::nullopt;
}

errc code_of(int verify_error) noexcept {
  const bool other_name = verify_error == X509_V_ERR_HOSTNAME_MISMATCH || verify_error == X509_V_ERR_IP_ADDRESS_MISMATCH;
  return other_name ? errc::tls_wrong_name : errc::tls_untrusted;
}

// SSL_CTX_set_cert_verify_callback(3): chain and name as ever, then the pins.
int verify(X509_STORE_CTX* chain, void* settings) noexcept {
  const auto* engine = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& refusal = *static_cast<tls_refusal*>(SSL_get_app_data(engine));
  if (X509_verify_cert(chain) != 1) {
    if (X509_STORE_CTX_get_error(chain) == X509_V_OK) X509_STORE_CTX_set_error(chain, X509_V_ERR_UNSPECIFIED);
    refusal = {code_of(X509_STORE_CTX_get_error(chain)), explain_chain(chain)};
    return 0;
  }
  const auto& pins = static_cast<const tls_context::impl*>(settings)->wanted.pins;
  if (pins.empty()) return 1;
  const auto seen = pin_of(X509_STORE_CTX_get0_cert(chain));
  if (seen && std::ranges::find(pins, *seen) != pins.end()) return 1;
  X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
  refusal = {errc::tls_wrong_pin, seen ? "it has " + seen->to_string() : std::string{}};
  return 0;
}

// Empty: offered. RFC 7301 section 3.1: each with its length before it.
std::string offer(SSL_CTX* context, const std::vector<std::string>& protocols) {
  std::vector<unsigned char> list;
  for (const std::string& one : protocols) {
    list.push_back(static_cast<unsigned char>(one.size()));
    list.insert(list.end(), one.begin(), one.end());
  }
  if (list.empty() || SSL_CTX_set_alpn_protos(context, list.data(), static_cast<unsigned>(list.size())) == 0) return {};
  return "alpn: " + take_reason();
}

// Empty: in use.
std::string prepare(tls_context::impl& into) {
  SSL_CTX* const context = into.context.get();
  if (into.wanted.least == tls_version::v1_3) SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  if (std::string wrong = trust(context, into.wanted); !wrong.empty()) return wrong;
  if (std::string wrong = use_identity(context, into.wanted, into.warning); !wrong.empty()) return wrong;
  if (std::string wrong = offer(context, into.wanted.alpn); !wrong.empty()) return wrong;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify, &into);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_app_data(context, &into);
  SSL_CTX_sess_set_new_cb(context, take_session);
  return {};
}

}  // namespace

tls_context::tls_context(std::shared_ptr<impl> made) noexcept : impl_{std::move(made)} {}
tls_context::~tls_context() = default;

const std::string& tls_context::warning() const noexcept {
  return impl_->warning;
}

tls_handshakes tls_context::handshakes() const noexcept {
  return {impl_->full.load(std::memory_order_relaxed), impl_->resumed.load(std::memory_order_relaxed)};
}

boost::system::result<std::unique_ptr<tls_context>, std::string> tls_context::client(const tls_client_config& wanted) {
  auto made = std::make_shared<impl>();
  made->is_client = true;
  made->wanted = wanted;
  std::string& name = made->wanted.name;
  made->name_is_address = core::address::parse(name).has_value();
  if (!made->name_is_address && !core::valid_host_name(name))
    return "TLS: " + core::quoted(name) + " is not a host name or an address";
  // A certificate never has the final dot that a host name may have.
  if (name.ends_with('.')) name.pop_back();
  made->context = make_context(TLS_client_method());
  if (!made->context) return "TLS: " + take_reason();
  if (std::string wrong = prepare(*made); !wrong.empty()) return "TLS: " + wrong;
  made->wanted.key_pem = {};  // the context has it
  return std::unique_ptr<tls_context>{new tls_context{std::move(made)}};
}

boost::system::result<std::unique_ptr<tls_context>, std::string> tls_context::server(
    const std::string& certificate_pem, const std::string& key_pem, tls_version newest) {
  auto made = std::make_shared<impl>();
  made->context = make_context(TLS_server_method());
  if (!made->context) return "TLS: " + take_reason();
  if (newest == tls_version::v1_2) SSL_CTX_set_max_proto_version(made->context.get(), TLS1_2_VERSION);
  const bio_ptr certificate_text{
      BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size()))};
  const bio_ptr key_text{BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size()))};
  const x509_ptr certificate{PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr)};
  const key_ptr key{PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr)};
  const bool usable = certificate && key &&
                      SSL_CTX_use_certificate(made->context.get(), certificate.get()) == 1 &&
                      SSL_CTX_use_PrivateKey(made->context.get(), key.get()) == 1;
  if (!usable) return "TLS: the server's certificate or key: " + take_reason();
  return std::unique_ptr<tls_context>{new tls_context{std::move(made)}};
}

ssl_ptr tls_context::impl::make_engine(tls_refusal& refusal) {
  ERR_clear_error();
  ssl_ptr engine{SSL_new(context.get())};
  if (!engine) return nullptr;
  if (!is_client) {
    SSL_set_accept_state(engine.get());
    return engine;
  }
  SSL_set_connect_state(engine.get());
  SSL_set_app_data(engine.get(), &refusal);
  const std::string& name = wanted.name;
  bool named = false;
  if (name_is_address) {
    named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(engine.get()), name.c_str()) == 1;
  } else {
    // RFC 9525 section 2: what a certificate calls itself in its subject is no name of a host.
    SSL_set_hostflags(engine.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    named = SSL_set1_host(engine.get(), name.c_str()) == 1 &&
            SSL_set_tlsext_host_name(engine.get(), name.c_str()) == 1;
  }
  if (!named) return nullptr;
  if (const session_ptr session = sessions.take(std::time(nullptr))) SSL_set_session(engine.get(), session.get());
  return engine;
}

}  // namespace omnilink::io
