#include "interceptor/netd_failure.hpp"

#include <cerrno>
#include <cstring>

namespace omnilink::interceptor {
namespace {

std::string_view remedy(std::string_view step, int system_errno, std::string_view detail) {
  if (step == "routing") {
    if (system_errno == ENETDOWN) return "the loopback interface is down: ip link set lo up";
    return "a tproxy listener needs policy routing (CONFIG_IP_MULTIPLE_TABLES, for IPv6 CONFIG_IPV6_MULTIPLE_TABLES) and CAP_NET_ADMIN";
  }
  if (step != "nft") return {};
  if (system_errno == EEXIST)
    return "the table inet omnilink is there already: another omnilink runs in this network namespace (nft list tables), or it is "
           "a leftover of something else, which `omnilink cleanup` removes";
  if (system_errno == EMFILE || system_errno == ENFILE) return "raise ulimit -n";
  if (detail.find("Operation not permitted") != detail.npos)
    return "rules need CAP_NET_ADMIN in this network namespace: run as root; in a container: --cap-add NET_ADMIN";
  return "if the kernel lacks nf_tables, NAT, redirect or reject, load them: modprobe -a nf_tables nft_chain_nat nft_redir "
         "nft_reject_inet nft_fib_inet nft_ct nft_tproxy nft_socket";
}

}  // namespace

wire::netd_refusal netd_failure(std::string step, int system_errno, std::string_view detail) {
  const std::string_view helps = remedy(step, system_errno, detail);
  std::string message{detail};
  // Of EEXIST the remedy says all.
  if (detail.empty() && system_errno != EEXIST) message = std::strerror(system_errno);
  if (!message.empty() && !helps.empty()) message += "; ";
  message += helps;
  return {std::move(step), static_cast<std::uint16_t>(system_errno), std::move(message)};
}

}  // namespace omnilink::interceptor
