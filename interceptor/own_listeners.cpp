#include "interceptor/own_listeners.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace omnilink::interceptor {
namespace {

std::vector<core::address> read_host_addresses() {
  std::vector<core::address> out;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return out;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owned{list, &::freeifaddrs};
  for (const ifaddrs* i = list; i; i = i->ifa_next) {
    if (!i->ifa_addr) continue;
    if (i->ifa_addr->sa_family == AF_INET) {
      sockaddr_in v4;
      std::memcpy(&v4, i->ifa_addr, sizeof v4);
      out.push_back(core::address::v4(ntohl(v4.sin_addr.s_addr)));
    } else if (i->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 v6;
      std::memcpy(&v6, i->ifa_addr, sizeof v6);
      core::address::bytes_v6 bytes;
      std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
      out.push_back(core::address::v6(bytes));
    }
  }
  return out;
}

// The host's addresses come and go; this is asked only for a port of our own, so reading them is cheap enough.
bool is_local(const core::address& where) {
  if (where.is_loopback() || where.is_unspecified()) return true;
  const auto host = read_host_addresses();
  return std::find(host.begin(), host.end(), where) != host.end();
}

}  // namespace

own_listeners::own_listeners(std::vector<core::endpoint> bound) : bound_{std::move(bound)} {}

bool own_listeners::contains(const core::endpoint& where) const {
  const core::address plain = where.address.unmapped();
  return std::any_of(bound_.begin(), bound_.end(), [&](const core::endpoint& own) {
    const core::address bound = own.address.unmapped();
    if (own.port != where.port || bound.is_v4() != plain.is_v4()) return false;
    if (bound == plain) return true;
    if (bound.is_unspecified()) return is_local(plain);
    return plain.is_unspecified() && bound.is_loopback();
  });
}

}  // namespace omnilink::interceptor
