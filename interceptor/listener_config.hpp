// One way in, as the user wrote it: a listen URL and its settings.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/capture.hpp"
#include "core/cidr.hpp"
#include "core/endpoint.hpp"
#include "interceptor/users.hpp"

namespace omnilink::interceptor {

enum class listen_kind : std::uint8_t { mixed, socks5, http, tcp, redirect, tproxy, cgroup };

/// Who has more writes wider networks.
inline constexpr std::size_t clients_max = 256;

std::string_view name_of(listen_kind kind) noexcept;

/// The kernel brings it its connections; else clients come by themselves.
bool captures(listen_kind kind) noexcept;

struct listener_config {
  listen_kind kind = listen_kind::mixed;
  core::endpoint where;           ///< port 0: any free one
  bool allow_remote = false;      ///< needed for an address that is not loopback
  std::vector<core::cidr> clients;  ///< who may connect; none: everyone
  std::string auth_file;          ///< where `users` are to be read from, before validate(); empty: nowhere
  std::shared_ptr<const user_list> users;  ///< mixed, socks5, http: who may connect, with a password; null: everyone, without
  core::target to;                ///< tcp: where every connection goes
  core::capture capture;          ///< redirect, tproxy, cgroup: what is taken
  bool fail_closed = true;        ///< likewise: what it takes is rejected while omnilink is not there
  bool reject_udp = false;        ///< redirect, tproxy: UDP that meets `capture` is rejected: QUIC, DNS
  bool original_source = false;   ///< tproxy, direction forward: a direct connection has its client's address, not ours

  bool admits(const core::address& client) const noexcept;
  std::string validate() const;   ///< empty: valid; otherwise what is wrong and the remedy
  std::string to_string() const;  ///< "mixed://127.0.0.1:1080", "tcp://127.0.0.1:8080?to=host:80"
};

/// How it gets its connections; nullopt: clients come by themselves.
std::optional<core::mechanism> mechanism_of(const listener_config& of) noexcept;

/// Adds a network or an address. Empty: done; otherwise what is wrong, in one line.
std::string add_client(std::string_view word, listener_config& into);

/// Sets a tcp listener's destination. Empty: done; otherwise what is wrong, in one line.
std::string set_destination(std::string_view text, listener_config& into);

/// `scheme://[user:password@][host][:port][?key=value&…]`, schemes mixed socks5 http tcp redirect tproxy cgroup: an IP address or nothing,
/// which means 127.0.0.1; default port 1080, for the last three 12345, for tcp none. Keys: allow_remote, clients, auth_file, for tcp to, for
/// the last three fail, udp, original_source and those of `capture` (capture_words.hpp); lists with commas. The file of
/// `auth_file` is not read here. The error is one line without a place; the caller adds it, and asks
/// validate().
boost::system::result<listener_config, std::string> parse_listen_url(std::string_view url);

}  // namespace omnilink::interceptor
