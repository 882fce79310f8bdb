// One way in, as the user wrote it: a listen URL and its settings.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/endpoint.hpp"

namespace omnilink::interceptor {

enum class listen_kind : std::uint8_t { mixed, socks5, http, redirect };

std::string_view name_of(listen_kind kind) noexcept;

struct listener_config {
  listen_kind kind = listen_kind::mixed;
  core::endpoint where;           ///< port 0: any free one
  bool allow_remote = false;      ///< needed for an address that is not loopback
  std::string validate() const;   ///< empty: valid; otherwise what is wrong and the remedy
  std::string to_string() const;  ///< "mixed://127.0.0.1:1080"
};

/// `scheme://[host][:port][?allow_remote=true]`, schemes mixed socks5 http: an IP address or nothing, which
/// means 127.0.0.1; default port 1080. The error is one line without a place; the caller adds it, and asks
/// validate().
boost::system::result<listener_config, std::string> parse_listen_url(std::string_view url);

}  // namespace omnilink::interceptor
