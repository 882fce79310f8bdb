#include "interceptor/ruleset.hpp"

#include <fmt/format.h>

namespace omnilink::interceptor {
namespace {

// discard, RFC 863: nobody listens there, so its ICMP "port unreachable" makes send() and recv() say
// ECONNREFUSED at once, as a real closed port does. A reject rule would make send() say EPERM.
constexpr int closed_udp_port = 9;

std::string host_loopback_rules(const sandbox_ports& ports,
                                std::span<const std::uint16_t> host_loopback_ports) {
  if (host_loopback_ports.empty()) return {};
  const std::string set = fmt::format("{{ {} }}", fmt::join(host_loopback_ports, ", "));
  return fmt::format(
      "    ip daddr 127.0.0.1 tcp dport {0} redirect to :{1}\n"
      "    ip6 daddr ::1 tcp dport {0} redirect to :{2}\n",
      set, ports.redirect_v4, ports.redirect_v6);
}

}  // namespace

core::address sandbox_address_v4() noexcept {
  return core::address::v4(0xc6120001);
}
core::address sandbox_address_v6() noexcept {
  return core::address::v6({0xfd, 0x6f, 0x6d, 0x6e, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
}

std::string sandbox_ruleset(const sandbox_ports& ports, std::span<const std::uint16_t> host_loopback_ports) {
  const std::string own = fmt::format(
      "    ip daddr {{ 127.0.0.0/8, {} }} accept\n"
      "    ip6 daddr {{ ::1, {} }} accept\n",
      sandbox_address_v4().to_string(), sandbox_address_v6().to_string());
  // Only the first packet of a connection asks the nat chain; the SYN guard keeps it so even for a connection
  // that conntrack meets in its middle. Port 53 comes before our own addresses: 127.0.0.1 is what resolv.conf
  // names.
  std::string nat = fmt::format(
      "  chain capture {{\n"
      "    type nat hook output priority -100; policy accept;\n"
      "    meta l4proto tcp tcp flags & (syn | ack) != syn accept\n"
      "    meta nfproto ipv4 udp dport 53 redirect to :{}\n"
      "    meta nfproto ipv6 udp dport 53 redirect to :{}\n"
      "    meta nfproto ipv4 tcp dport 53 redirect to :{}\n"
      "    meta nfproto ipv6 tcp dport 53 redirect to :{}\n",
      ports.dns_udp_v4, ports.dns_udp_v6, ports.dns_tcp_v4, ports.dns_tcp_v6);
  nat += host_loopback_rules(ports, host_loopback_ports);
  nat += own;
  nat += "    ip6 daddr ff00::/8 accept\n";  // redirected, it would be dropped in silence
  nat += fmt::format(
      "    meta nfproto ipv4 meta l4proto tcp redirect to :{}\n"
      "    meta nfproto ipv6 meta l4proto tcp redirect to :{}\n"
      "    meta l4proto udp redirect to :{}\n"
      "  }}\n",
      ports.redirect_v4, ports.redirect_v6, closed_udp_port);
  // What is not redirected has nowhere to go; say so at once instead of letting it time out on the loopback
  // interface.
  const std::string filter =
      "  chain refuse {\n"
      "    type filter hook output priority 0; policy accept;\n"
      "    ip6 daddr ff00::/8 reject with icmpx admin-prohibited\n"
      "    meta l4proto { tcp, udp } accept\n" +
      own +
      "    reject with icmpx admin-prohibited\n"
      "  }\n";
  return "table inet omnilink {\n" + nat + filter + "}\n";
}

}  // namespace omnilink::interceptor
