// What a tls_context holds. For io/tls*.cpp only.
#pragma once

#include <mutex>
#include <string>

#include "io/openssl.hpp"
#include "io/tls.hpp"

namespace omnilink::io {

struct tls_context::impl {
  openssl::context_ptr context;
  bool is_client = false;
  std::string name;  // as verified; client only
  bool name_is_address = false;

  /// A new engine that is ready for its handshake; null when memory is short.
  openssl::ssl_ptr make_engine();
  void keep(openssl::session_ptr session);

 private:
  // Workers share a context; held for a pointer's exchange only.
  std::mutex lock_;
  openssl::session_ptr latest_;
};

}  // namespace omnilink::io
