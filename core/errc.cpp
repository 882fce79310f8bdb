#include "core/errc.hpp"

namespace omnilink::core {
namespace {

struct text {
  std::string_view name;
  std::string_view meaning;
};

constexpr text text_of(errc code) noexcept {
  switch (code) {
    case errc::ok: return {"ok", "no error"};
    case errc::timed_out: return {"timed_out", "the deadline passed"};
    case errc::refused: return {"refused", "connection refused"};
    case errc::unreachable: return {"unreachable", "network or host unreachable"};
    case errc::reset: return {"reset", "connection reset by the peer"};
    case errc::closed_early: return {"closed_early", "the peer closed during the handshake"};
    case errc::name_not_found: return {"name_not_found", "the name does not exist"};
    case errc::resolve_failed: return {"resolve_failed", "the name could not be resolved"};
    case errc::io_failed: return {"io_failed", "a system error"};
    case errc::bad_version: return {"bad_version", "wrong protocol version"};
    case errc::bad_message: return {"bad_message", "malformed or unexpected message"};
    case errc::oversized: return {"oversized", "longer than allowed"};
    case errc::bad_name: return {"bad_name", "not a valid host name or address"};
    case errc::bad_command: return {"bad_command", "a command that is not served"};
    case errc::method_refused: return {"method_refused", "no authentication method in common"};
    case errc::auth_required: return {"auth_required", "credentials are required"};
    case errc::auth_failed: return {"auth_failed", "the credentials were refused"};
    case errc::hop_refused: return {"hop_refused", "the hop refused the request"};
    case errc::tls_failed: return {"tls_failed", "TLS failed"};
    case errc::tls_untrusted: return {"tls_untrusted", "the certificate is not trusted"};
    case errc::tls_wrong_name: return {"tls_wrong_name", "the certificate is for another name"};
    case errc::tls_wrong_pin: return {"tls_wrong_pin", "the certificate has another key than the pinned one"};
    case errc::tls_truncated: return {"tls_truncated", "the TLS stream was cut off"};
    case errc::rejected: return {"rejected", "rejected by the route"};
    case errc::rules_changed: return {"rules_changed", "the rules changed"};
    case errc::not_redirected: return {"not_redirected", "a direct connection to an intercepting listener"};
    case errc::loop: return {"loop", "the destination is one of our own listeners"};
    case errc::limit_reached: return {"limit_reached", "a limit was reached"};
    case errc::canceled: return {"canceled", "ended on request"};
    case errc::shutting_down: return {"shutting_down", "the service is stopping"};
    case errc::unsupported: return {"unsupported", "not supported here"};
    case errc::not_found: return {"not_found", "not found"};
    case errc::permission_denied: return {"permission_denied", "permission denied"};
    case errc::internal: return {"internal", "an internal error"};
  }
  return {"unknown", "unknown error"};
}

}  // namespace

std::string_view name_of(errc code) noexcept { return text_of(code).name; }
std::string_view meaning_of(errc code) noexcept { return text_of(code).meaning; }

}  // namespace omnilink::core
