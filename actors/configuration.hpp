// The whole configuration of a service: an immutable value made of the rooms' own config structs (invariant 6).
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/trip_report.hpp"
#include "chain/chain.hpp"
#include "core/clock.hpp"
#include "core/endpoint.hpp"
#include "core/secret.hpp"
#include "interceptor/callouts.hpp"
#include "interceptor/filter/rule.hpp"
#include "interceptor/library.hpp"
#include "interceptor/listener_config.hpp"
#include "nat/table.hpp"

namespace omnilink::actors {

struct service_settings {
  std::uint32_t workers = 0;                                       ///< 0: one per core; at most 64
  std::uint32_t max_connections = 0;                               ///< at once, over all workers; at most 1 Mi; 0: see descriptors.hpp
  core::nanoseconds idle_timeout = std::chrono::hours{2};          ///< no byte either way; 1 s to 30 days
  core::nanoseconds half_close_timeout = std::chrono::minutes{5};  ///< no byte after one direction ended
  core::nanoseconds drain_timeout = std::chrono::seconds{30};      ///< after TERM, before what is left is closed
  core::nanoseconds handshake_timeout = std::chrono::seconds{10};  ///< for a client of a mixed, socks5 or http listener
  std::uint32_t max_connections_per_source = 0;  ///< of one IPv4 address or IPv6 /64; 0: no limit
  std::uint32_t max_handshakes = 0;              ///< clients that have not said yet where they want to go; 0: see handshakes()
  std::uint32_t max_handshakes_per_source = 0;   ///< 0: see handshakes_of()
  bool attribution = false;                      ///< find out who opened each connection, whether or not a rule asks
  std::optional<std::uint64_t> memory_max;       ///< bytes of resident memory; 0: no limit; not set: the control group's, or all there is
  std::string validate() const;  ///< empty: valid; otherwise which key, and its range

  /// Half of max_connections, but 256 at least, where the configuration does not say.
  std::uint32_t handshakes() const noexcept;
  /// 64 where the configuration does not say, but then not for loopback: all programs of the machine share it. 0: no limit.
  std::uint32_t handshakes_of(const core::address& source) const noexcept;
};

/// How a running service gets another configuration. Called on the control thread, which they may block briefly.
struct reload_hooks {
  /// The file as it is now, whole and valid; otherwise the lines that say what is wrong. Empty: nothing to read again.
  std::function<boost::system::result<struct configuration, std::vector<std::string>>()> read;
  /// What was read is in use, or was refused.
  std::function<void(bool in_use)> ended;
};

struct configuration {
  service_settings service;
  chain::timeouts timeouts;
  nat::config nat;
  std::vector<interceptor::listener_config> listeners;
  std::vector<chain::chain> chains;       ///< none: direct; several: only with rules
  std::vector<interceptor::filter::rule> rules;  ///< none: the only chain takes every connection
  std::vector<interceptor::callout_settings> callouts;  ///< that rules and filters may name
  std::vector<interceptor::filter::sublayer> sublayers;
  std::vector<interceptor::filter::filter> filters;  ///< beside those that the rules become
  std::string query_socket;               ///< path; empty: no query endpoint
  std::uint32_t query_rate = 200'000;   ///< questions per second of one user; 0: no limit
  std::string admin_socket;               ///< path; empty: none
  std::optional<core::endpoint> admin_http;  ///< a loopback address; not set: no HTTP
  core::secret admin_token;                  ///< that every request over HTTP must bring
  bool log_access = true;
  enum class destinations : std::uint8_t { full, hash, none } log_destinations = destinations::full;
  /// Sandbox: loopback ports of the host (exec's --loopback).
  std::vector<std::uint16_t> host_loopback_ports;
  /// Called on a worker for every connection that ended; must not block. Empty: nobody wants it.
  std::function<void(const trip_report&)> report_trip;
  reload_hooks reload;
  /// Whose callouts `kind = "library"` means; null: nobody's.
  std::shared_ptr<const interceptor::library_peer> library;
};

}  // namespace omnilink::actors
