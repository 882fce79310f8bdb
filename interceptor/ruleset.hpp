// What the sandbox tells netfilter, as text for libnftables. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/endpoint.hpp"

namespace omnilink::interceptor {

/// The sandbox's own addresses, so that programs inside see a global source address. Number 1 of the fake
/// pool, which is never given out (nat/names.hpp), and a unique local address (RFC 4193) outside the IPv6
/// pool fd6f:6d6e:1::/64.
core::address sandbox_address_v4() noexcept;  ///< 198.18.0.1
core::address sandbox_address_v6() noexcept;  ///< fd6f:6d6e::1

/// Ports on 127.0.0.1 and ::1 inside.
struct sandbox_ports {
  std::uint16_t redirect_v4, redirect_v6;
  std::uint16_t dns_udp_v4, dns_udp_v6, dns_tcp_v4, dns_tcp_v6;
};

/// Every TCP connection to elsewhere goes to the redirect ports, so do those to `host_loopback_ports` of
/// 127.0.0.1 and ::1; UDP and TCP port 53 of any address is the name server; other UDP meets a closed port;
/// nothing else goes out.
std::string sandbox_ruleset(const sandbox_ports& ports, std::span<const std::uint16_t> host_loopback_ports);

}  // namespace omnilink::interceptor
