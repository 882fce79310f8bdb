// One proxy on the way, as the user wrote it.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/endpoint.hpp"
#include "core/secret.hpp"
#include "io/tls_config.hpp"

namespace omnilink::chain {

enum class hop_kind : std::uint8_t {
  socks4,  ///< no names, no IPv6
  socks4a, ///< names too
  socks5,  ///< socks5, socks5h, socks5+tls
  http,    ///< http, https: CONNECT
  direct,  ///< no proxy; only as the single hop of a chain
  reject,  ///< refuses every connection; only as the single hop of a chain
};

struct hop {
  std::string name;  ///< the config's name; host:port where it has none
  hop_kind kind = hop_kind::direct;
  core::target where;  ///< of the proxy
  std::string user;    ///< empty: no authentication
  core::secret password;
  std::string auth_file;  ///< where user and password are to be read from, before validate(); empty: nowhere
  bool pipeline = false;  ///< of socks5: its handshake in one flight; not every server takes that
  std::optional<io::tls_client_config> tls;  ///< its `name` is the host unless sni says otherwise

  /// "https://edge.example:443": never a credential.
  std::string to_string() const;
  /// Empty: valid; otherwise what is wrong and the remedy, in one line.
  std::string validate() const;
  /// Empty: this proxy's protocol can ask for `next`; otherwise why not, and the remedy.
  std::string_view obstacle(const core::target& next) const noexcept;
};

/// `scheme://[user:pass@]host[:port][?key=value&…]`, schemes socks4 socks4a socks5 socks5h http https
/// socks5+tls direct reject, default ports 1080, 80, 443 (1080 for socks5+tls); keys auth_file, pipeline (true, false) with SOCKS5, and with TLS those of hop_tls.hpp.
/// `direct` and `reject` stand alone, with or without "://". No file is read here. User
/// and password are percent-decoded; a comma outside the query is refused, other tools disagree about it. The
/// error is one line, without the password and without a place (the caller adds it), and suggests the nearest
/// known word.
boost::system::result<hop, std::string> parse_hop_url(std::string_view url);

}  // namespace omnilink::chain
