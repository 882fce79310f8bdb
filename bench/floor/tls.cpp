#include "bench/floor/tls.hpp"

#include <utility>

#include "bench/floor/side.hpp"

namespace omnilink::bench {
namespace {

constexpr std::size_t read_size = 128 * 1024;

long control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

}  // namespace

tls_context::tls_context(const std::string& authority)
    : context_{::SSL_CTX_new(::TLS_client_method())}, method_{::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "side")} {
  SSL_CTX* const to = context_.get();
  if (::SSL_CTX_load_verify_locations(to, authority.c_str(), nullptr) != 1) die(authority + ": no certificate");
  ::SSL_CTX_set_verify(to, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_read_ahead(to, 1);
  ::SSL_CTX_set_default_read_buffer_len(to, read_size);
  SSL_CTX_set_mode(to, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(to, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_app_data(to, this);
  SSL_CTX_sess_set_new_cb(to, [](SSL* ssl, SSL_SESSION* given) {
    static_cast<tls_context*>(SSL_CTX_get_app_data(::SSL_get_SSL_CTX(ssl)))->session_.reset(given);
    return 1;
  });
  ::BIO_meth_set_read(method_.get(), tls_channel::on_read);
  ::BIO_meth_set_ctrl(method_.get(), control);
  ::BIO_meth_set_write(method_.get(), tls_channel::on_write);
}

tls_channel::tls_channel(tls_context& home, side& socket) : home_{home}, socket_{socket}, ssl_{::SSL_new(home.context_.get())} {
  BIO* const bio = ::BIO_new(home.method_.get());
  ::BIO_set_data(bio, this);
  ::BIO_set_init(bio, 1);
  ::SSL_set_bio(ssl_, bio, bio);
  ::SSL_set_connect_state(ssl_);
  if (!home.session_) return;
  // A copy: OpenSSL spoils what it has resumed, and until the next ticket comes others want to.
  const std::unique_ptr<SSL_SESSION, tls_context::freer> copy{::SSL_SESSION_dup(home.session_.get())};
  ::SSL_set_session(ssl_, copy.get());
}

int tls_channel::on_read(BIO* bio, char* into, int size) {
  ::BIO_clear_retry_flags(bio);
  const ssize_t got = of(bio).socket_.receive_raw({into, static_cast<std::size_t>(size)});
  if (got < 0 && errno == EAGAIN) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

int tls_channel::on_write(BIO* bio, const char* data, int size) {
  auto& sealed = of(bio).home_.sealed_;
  sealed.insert(sealed.end(), data, data + size);
  return size;
}

tls_channel::~tls_channel() {
  // Else OpenSSL takes the session for broken, which others resume.
  ::SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  ::SSL_free(ssl_);
}

tls_channel::progress tls_channel::shake_hands() {
  home_.sealed_.clear();
  const int result = ::SSL_do_handshake(ssl_);
  if (result == 1) return progress::done;
  return ::SSL_get_error(ssl_, result) == SSL_ERROR_WANT_READ ? progress::waits : progress::failed;
}

ssize_t tls_channel::open(std::span<char> into) {
  std::size_t size = 0;
  while (size < into.size()) {
    const int got = ::SSL_read(ssl_, into.data() + size, static_cast<int>(into.size() - size));
    if (got > 0) {
      size += static_cast<std::size_t>(got);
      continue;
    }
    if (size > 0) break;
    if (::SSL_get_error(ssl_, got) != SSL_ERROR_WANT_READ) return 0;
    errno = EAGAIN;
    return -1;
  }
  return static_cast<ssize_t>(size);
}

std::span<const char> tls_channel::seal(std::span<const char> plain) {
  begin_sealing();
  if (!plain.empty()) ::SSL_write(ssl_, plain.data(), static_cast<int>(plain.size()));
  return home_.sealed_;
}

std::span<const char> tls_channel::seal_end() {
  begin_sealing();
  ::SSL_shutdown(ssl_);
  return home_.sealed_;
}

// Behind the last words of the handshake, which are not sent alone.
void tls_channel::begin_sealing() {
  if (!std::exchange(shaking_, false)) home_.sealed_.clear();
}

}  // namespace omnilink::bench
