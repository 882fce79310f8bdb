#include "io/tls_sessions.hpp"

#include <algorithm>

namespace omnilink::io {
namespace {

using namespace openssl;

bool is_1_3(const SSL_SESSION* session) { return SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION; }

// Neither longer than the server's word, nor than the certificate that was verified: a resumed session does not show it again.
std::time_t end_of(const SSL_SESSION* session) {
  long seconds = SSL_SESSION_get_timeout(session);
  const auto hint = static_cast<long>(SSL_SESSION_get_ticket_lifetime_hint(session));
  if (hint != 0 || is_1_3(session)) seconds = std::min(seconds, hint);
  if (const X509* peer = SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(session))) {
    int days = 0, rest = 0;
    if (ASN1_TIME_diff(&days, &rest, nullptr, X509_get0_notAfter(peer)) != 1) return 0;
    seconds = std::min(seconds, days * 86400L + rest);
  }
  return SSL_SESSION_get_time(session) + seconds;
}

}  // namespace

void tls_sessions::keep(SSL_SESSION* session) {
  if (SSL_SESSION_is_resumable(session) != 1) return;
  const std::lock_guard guard{lock_};
  // One of TLS 1.2 serves any number of connections, until the server gives another or has forgotten it.
  if (!is_1_3(session) || (!all_.empty() && !is_1_3(all_.back().session.get()))) all_.clear();
  if (all_.size() == kept_max) return;
  session_ptr copy{SSL_SESSION_dup(session)};
  if (!copy) return;
  const std::time_t until = end_of(copy.get());
  all_.push_back({std::move(copy), until});
}

session_ptr tls_sessions::take(std::time_t now) {
  const std::lock_guard guard{lock_};
  std::erase_if(all_, [now](const kept& one) { return one.until <= now; });
  if (all_.empty()) return nullptr;
  if (!is_1_3(all_.back().session.get())) return session_ptr{SSL_SESSION_dup(all_.back().session.get())};
  session_ptr out = std::move(all_.back().session);
  all_.pop_back();
  return out;
}

}  // namespace omnilink::io
