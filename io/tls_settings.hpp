// What a tls_context holds. For io/tls*.cpp only.
#pragma once

#include <atomic>
#include <string>

#include "core/errc.hpp"
#include "io/openssl.hpp"
#include "io/tls.hpp"
#include "io/tls_sessions.hpp"

namespace omnilink::io {

/// Why a peer's certificate was refused; ok: it was not. The engine's app data.
struct tls_refusal {
  core::errc code = core::errc::ok;
  std::string detail;
};

struct tls_context::impl {
  openssl::context_ptr context;
  bool is_client = false;
  tls_client_config wanted;  // client only
  bool name_is_address = false;
  std::string warning;
  tls_sessions sessions;
  std::atomic<std::uint64_t> full = 0;
  std::atomic<std::uint64_t> resumed = 0;

  /// A new engine that is ready for its handshake; null when memory is short. `refusal` must outlive its handshake.
  openssl::ssl_ptr make_engine(tls_refusal& refusal);
};

}  // namespace omnilink::io
