// TLS of a hop, between a socket that epoll watches and plain bytes. OpenSSL reads where the side says that there is something,
// and writes into a buffer that the side sends as a whole: no system call that fails, none per record.
#pragma once

#include <openssl/ssl.h>
#include <sys/types.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace omnilink::bench {

struct side;

/// What all connections to the hop share.
class tls_context {
 public:
  /// Trusts who is vouched for by a certificate in this file.
  explicit tls_context(const std::string& authority);

 private:
  friend class tls_channel;
  struct freer {
    void operator()(SSL_CTX* it) const { ::SSL_CTX_free(it); }
    void operator()(SSL_SESSION* it) const { ::SSL_SESSION_free(it); }
    void operator()(BIO_METHOD* it) const { ::BIO_meth_free(it); }
  };
  std::unique_ptr<SSL_CTX, freer> context_;
  std::unique_ptr<BIO_METHOD, freer> method_;
  std::unique_ptr<SSL_SESSION, freer> session_;  // what the hop gave last, to resume
  std::vector<char> sealed_;
};

class tls_channel {
 public:
  enum class progress : unsigned char { waits, done, failed };

  tls_channel(tls_context& home, side& socket);
  ~tls_channel();
  tls_channel(const tls_channel&) = delete;
  tls_channel& operator=(const tls_channel&) = delete;

  /// One step of the handshake, once the socket may be written, and whenever it is readable; what it says goes before what is sealed next.
  progress shake_hands();
  /// To be sent, should the handshake wait.
  std::span<const char> said() const { return home_.sealed_; }
  bool has_more() const { return ::SSL_has_pending(ssl_) == 1; }
  /// As recv(2), but fills what it can.
  ssize_t open(std::span<char> into);
  std::span<const char> seal(std::span<const char> plain);
  /// The end of what we say.
  std::span<const char> seal_end();

 private:
  friend class tls_context;
  static tls_channel& of(BIO* bio) { return *static_cast<tls_channel*>(::BIO_get_data(bio)); }
  static int on_read(BIO* bio, char* into, int size);
  static int on_write(BIO* bio, const char* data, int size);
  void begin_sealing();

  tls_context& home_;
  side& socket_;
  SSL* ssl_;
  bool shaking_ = true;
};

}  // namespace omnilink::bench
