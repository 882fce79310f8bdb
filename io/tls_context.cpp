#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <utility>

#include "core/endpoint.hpp"
#include "core/host_name.hpp"
#include "io/tls_settings.hpp"

namespace omnilink::io {
namespace {

using namespace openssl;

// One read takes several records (at most 16 KiB each, RFC 8446 section 5.1); released while the connection
// is at rest.
constexpr std::size_t read_buffer_size = 64 * 1024;

context_ptr make_context(const SSL_METHOD* method) {
  ERR_clear_error();
  context_ptr made{SSL_CTX_new(method)};
  if (!made || SSL_CTX_set_min_proto_version(made.get(), TLS1_2_VERSION) != 1) return nullptr;
  SSL_CTX_set_options(made.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // A write that has to wait for the handshake comes again with the same bytes elsewhere.
  SSL_CTX_set_mode(made.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(made.get(), 1);
  SSL_CTX_set_default_read_buffer_len(made.get(), read_buffer_size);
  return made;
}

bool trust(SSL_CTX* context, const std::string& ca_file) {
  if (ca_file.empty()) return SSL_CTX_set_default_verify_paths(context) == 1;
  return SSL_CTX_load_verify_file(context, ca_file.c_str()) == 1;
}

int take_session(SSL* engine, SSL_SESSION* session) {
  auto* settings = static_cast<tls_context::impl*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(engine)));
  settings->keep(session_ptr{session});
  return 1;
}

}  // namespace

tls_context::tls_context(std::shared_ptr<impl> made) noexcept : impl_{std::move(made)} {}
tls_context::~tls_context() = default;

boost::system::result<std::unique_ptr<tls_context>, std::string> tls_context::client(
    const std::string& name, const std::string& ca_file) {
  const bool is_address = core::address::parse(name).has_value();
  if (!is_address && !core::valid_host_name(name))
    return "TLS: \"" + name + "\" is not a host name or an address";
  auto made = std::make_shared<impl>();
  made->context = make_context(TLS_client_method());
  if (!made->context) return "TLS: " + take_reason();
  SSL_CTX* const context = made->context.get();
  if (!trust(context, ca_file)) {
    const std::string what = ca_file.empty() ? "the system's certificates" : "\"" + ca_file + "\"";
    return "TLS: cannot read " + what + ": " + take_reason();
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_app_data(context, made.get());
  SSL_CTX_sess_set_new_cb(context, take_session);
  made->is_client = true;
  made->name = name;
  made->name_is_address = is_address;
  // A certificate never has the final dot that a host name may have.
  if (made->name.ends_with('.')) made->name.pop_back();
  return std::unique_ptr<tls_context>{new tls_context{std::move(made)}};
}

boost::system::result<std::unique_ptr<tls_context>, std::string> tls_context::server(
    const std::string& certificate_pem, const std::string& key_pem) {
  auto made = std::make_shared<impl>();
  made->context = make_context(TLS_server_method());
  if (!made->context) return "TLS: " + take_reason();
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

void tls_context::impl::keep(session_ptr session) {
  const std::lock_guard guard{lock_};
  latest_.swap(session);
}

ssl_ptr tls_context::impl::make_engine() {
  ERR_clear_error();
  ssl_ptr engine{SSL_new(context.get())};
  if (!engine) return nullptr;
  if (!is_client) {
    SSL_set_accept_state(engine.get());
    return engine;
  }
  SSL_set_connect_state(engine.get());
  bool named = false;
  if (name_is_address) {
    named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(engine.get()), name.c_str()) == 1;
  } else {
    SSL_set_hostflags(engine.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    named = SSL_set1_host(engine.get(), name.c_str()) == 1 &&
            SSL_set_tlsext_host_name(engine.get(), name.c_str()) == 1;
  }
  if (!named) return nullptr;
  const std::lock_guard guard{lock_};
  if (latest_) SSL_set_session(engine.get(), latest_.get());
  return engine;
}

}  // namespace omnilink::io
