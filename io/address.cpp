#include "io/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

namespace omnilink::io {

namespace ip = boost::asio::ip;

ip::address to_asio(const core::address& from) noexcept {
  if (from.is_v4()) return ip::address_v4{from.to_v4()};
  return ip::address_v6{from.to_v6()};
}

core::address to_core(const ip::address& from) noexcept {
  return from.is_v4() ? core::address::v4(from.to_v4().to_bytes())
                      : core::address::v6(from.to_v6().to_bytes());
}

socklen_t to_sockaddr(const core::endpoint& from, sockaddr_storage& into) noexcept {
  into = {};
  if (from.address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(into);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(from.port);
    std::memcpy(&v4.sin_addr, from.address.to_v4().data(), sizeof v4.sin_addr);
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(into);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(from.port);
  std::memcpy(&v6.sin6_addr, from.address.to_v6().data(), sizeof v6.sin6_addr);
  return sizeof v6;
}

std::optional<core::endpoint> from_sockaddr(const sockaddr_storage& from) noexcept {
  if (from.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    core::address::bytes_v4 bytes;
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return core::endpoint{core::address::v4(bytes), ntohs(v4.sin_port)};
  }
  if (from.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
    core::address::bytes_v6 bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return core::endpoint{core::address::v6(bytes), ntohs(v6.sin6_port)};
  }
  return std::nullopt;
}

}  // namespace omnilink::io
