#include "io/host_addresses.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>

namespace omnilink::io {

std::vector<core::address> host_addresses() {
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

}  // namespace omnilink::io
