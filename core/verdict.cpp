#include "core/verdict.hpp"

#include <cerrno>
#include <system_error>

namespace omnilink::core {

std::string_view name_of(step where) noexcept {
  switch (where) {
    case step::none: return "none";
    case step::accept: return "accept";
    case step::resolve: return "resolve";
    case step::connect: return "connect";
    case step::tls: return "tls";
    case step::auth: return "auth";
    case step::request: return "request";
    case step::relay: return "relay";
  }
  return "unknown";
}

namespace {

std::string_view word_for(verdict::reply_kind from) noexcept {
  switch (from) {
    case verdict::reply_kind::none: break;
    case verdict::reply_kind::socks4: return "SOCKS4 reply ";
    case verdict::reply_kind::socks5: return "SOCKS reply ";
    case verdict::reply_kind::http: return "HTTP status ";
  }
  return {};
}

}  // namespace

std::string verdict::to_string() const {
  std::string out;
  if (hop != no_hop) {
    out += "hop " + std::to_string(hop);
    if (!hop_name.empty()) out += " (" + hop_name + ")";
    out += ": ";
  }
  if (step != core::step::none) out.append(name_of(step)).append(": ");
  out.append(meaning_of(code));
  if (reply_from != reply_kind::none) {
    out.append(" (").append(word_for(reply_from)) += std::to_string(reply) + ")";
  }
  // The errno says nothing new where the code was made from it.
  if (system_errno == EADDRNOTAVAIL && code == errc::io_failed)
    out += ": no address and port of this machine is left towards it (net.ipv4.ip_local_port_range)";
  else if (system_errno != 0 && code == errc::io_failed) out += ": " + std::generic_category().message(system_errno);
  if (!detail.empty()) out += ": " + detail;
  if (elapsed.count() != 0) out += " (" + std::to_string(to_milliseconds(elapsed)) + " ms)";
  return out;
}

std::uint8_t socks5_reply_of(const verdict& v) noexcept {
  switch (v.code) {
    case errc::ok: return 0;
    case errc::rejected:
    case errc::rules_changed:
    case errc::loop:
    case errc::permission_denied: return 2;  // connection not allowed by ruleset
    case errc::name_not_found:
    case errc::resolve_failed:
    case errc::timed_out: return 4;  // host unreachable
    case errc::unreachable: return 3;
    case errc::refused: return 5;
    case errc::bad_command: return 7;
    case errc::bad_name: return 8;
    // The hop's own answer is passed on where it is one of the client's vocabulary.
    case errc::hop_refused:
      return v.reply_from == verdict::reply_kind::socks5 && v.reply >= 1 && v.reply <= 8
                 ? static_cast<std::uint8_t>(v.reply)
                 : 1;
    default: return 1;  // general failure
  }
}

std::uint8_t socks4_reply_of(const verdict& v) noexcept {
  if (v.ok()) return 90;
  const bool passed_on = v.code == errc::hop_refused && v.reply_from == verdict::reply_kind::socks4 && v.reply >= 91 && v.reply <= 93;
  return passed_on ? static_cast<std::uint8_t>(v.reply) : 91;
}

std::uint16_t http_status_of(const verdict& v) noexcept {
  switch (v.code) {
    case errc::ok: return 200;
    case errc::rejected:
    case errc::rules_changed:
    case errc::loop:
    case errc::permission_denied: return 403;
    case errc::timed_out: return 504;
    case errc::auth_required:
    case errc::auth_failed: return v.hop == verdict::no_hop ? 407 : 502;
    case errc::limit_reached:
    case errc::shutting_down: return 503;
    case errc::bad_message:
    case errc::bad_name:
    case errc::closed_early:
    case errc::bad_version: return v.hop == verdict::no_hop ? 400 : 502;
    case errc::oversized: return v.hop == verdict::no_hop ? 431 : 502;
    case errc::bad_command: return v.hop == verdict::no_hop ? 405 : 502;
    case errc::internal: return 500;
    default: return 502;
  }
}

}  // namespace omnilink::core
