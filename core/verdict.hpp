// What became of a connection, in one value: the access log, the admin API, metrics and the client's answer are all
// made from it.
#pragma once

#include <cstdint>
#include <string>

#include "core/clock.hpp"
#include "core/errc.hpp"

namespace omnilink::core {

/// Where in a connection's life something failed.
enum class step : std::uint8_t { none, accept, resolve, connect, tls, auth, request, relay };

std::string_view name_of(step where) noexcept;

struct verdict {
  /// Which protocol `reply` comes from.
  enum class reply_kind : std::uint8_t { none, socks4, socks5, http };

  static constexpr int no_hop = -1;  ///< the failure is not a hop's: the client's side, the route, or omnilink itself

  errc code = errc::ok;
  core::step step = core::step::none;
  int hop = no_hop;             ///< 0-based; equal to the number of hops: the target itself, dialled directly
  std::string hop_name;         ///< as in the config, or host:port; never a credential
  int system_errno = 0;         ///< 0: none
  reply_kind reply_from = reply_kind::none;
  std::uint16_t reply = 0;      ///< SOCKS code or HTTP status, when the hop refused
  std::string detail;           ///< short text, e.g. OpenSSL's reason; no bytes of a peer unescaped
  nanoseconds elapsed{0};       ///< from the start of that step

  bool ok() const noexcept { return code == errc::ok; }
  /// One plain line: `hop 1 (edge.example:443): tls: the certificate is not trusted: self-signed certificate (12 ms)`.
  std::string to_string() const;
};

/// RFC 1928 section 6 REP for a failed connect.
std::uint8_t socks5_reply_of(const verdict& v) noexcept;

/// 90: granted; 91 for a failed connect, or the hop's own 91 to 93.
std::uint8_t socks4_reply_of(const verdict& v) noexcept;

/// HTTP status for a failed CONNECT (RFC 9110 section 15.6): 502, 503, 504, 403 or 508-free mapping.
std::uint16_t http_status_of(const verdict& v) noexcept;

}  // namespace omnilink::core
