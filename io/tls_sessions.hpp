// The sessions that a TLS client may resume. For io/tls*.cpp only.
#pragma once

#include <ctime>
#include <mutex>
#include <vector>

#include "io/openssl.hpp"

namespace omnilink::io {

class tls_sessions {
 public:
  /// A server gives two tickets per connection; as many connections as there are tickets can begin at once without a full handshake,
  /// which costs twice the CPU time. Each is some kilobytes.
  static constexpr std::size_t kept_max = 256;

  /// Unless there are enough: the next connections take the newest ones, so of those that a server has forgotten only the first is met.
  /// Takes a copy: OpenSSL spoils the session of a connection that ends without close_notify, which since TLS 1.1 says nothing
  /// about the session (RFC 4346 section 7.2.1).
  void keep(SSL_SESSION* session);
  /// The newest that has not expired; null: none. Of TLS 1.3 each comes out once (RFC 8446 appendix C.4), of TLS 1.2 any number
  /// of times.
  openssl::session_ptr take(std::time_t now);

 private:
  struct kept {
    openssl::session_ptr session;
    std::time_t until;
  };
  // Workers share a context; held for a copy at most.
  std::mutex lock_;
  std::vector<kept> all_;  // the newest last
};

}  // namespace omnilink::io
