#include "io/host_addresses.hpp"

#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
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

descriptor watch_host_addresses() noexcept {
  descriptor out{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)};
  const sockaddr_nl news{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
  if (!out || ::bind(out.get(), reinterpret_cast<const sockaddr*>(&news), sizeof news) != 0) return {};
  return out;
}

void drain_news(int watch) noexcept {
  char bytes[16384];
  // ENOBUFS: more happened than fitted, which says as much.
  for (;;) {
    const ssize_t got = ::read(watch, bytes, sizeof bytes);
    if (got <= 0 && errno != ENOBUFS && errno != EINTR) return;
  }
}

}  // namespace omnilink::io
