#include "interceptor/bpf/network_key.hpp"

#include <netinet/in.h>

#include <cstring>

namespace omnilink::interceptor::bpf {

void put(const core::address& from, __u32 (&into)[4]) {
  if (from.is_v6()) {
    const auto raw = from.to_v6();
    std::memcpy(into, raw.data(), sizeof into);
    return;
  }
  const auto raw = from.to_v4();
  into[0] = into[1] = 0;
  into[2] = htonl(0xffff);
  std::memcpy(&into[3], raw.data(), raw.size());
}

omnilink_network key_of(const core::cidr& network) {
  constexpr unsigned mapped = 96;  // bits before an IPv4 address
  omnilink_network out{};
  out.prefix = network.prefix + (network.network.is_v6() ? 0u : mapped);
  put(network.network, out.address);
  return out;
}

omnilink_network key_of(const core::address& one) { return key_of(core::cidr{one, static_cast<std::uint8_t>(one.is_v6() ? 128 : 32)}); }

}  // namespace omnilink::interceptor::bpf
