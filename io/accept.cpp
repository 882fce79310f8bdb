#include "io/accept.hpp"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "io/address.hpp"

namespace omnilink::io {

accepted accept_one(int listener) noexcept {
  accepted out;
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  out.socket = descriptor{::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (out.socket) {
    out.source = from_sockaddr(peer).value_or(core::endpoint{});
    return out;
  }
  out.system_errno = errno;
  out.none_left = errno == EAGAIN || errno == EWOULDBLOCK;
  out.exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
  return out;
}

void reset(descriptor socket) noexcept {
  const linger at_once{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

core::endpoint bound_address(int fd) noexcept {
  sockaddr_storage raw{};
  socklen_t size = sizeof raw;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&raw), &size) != 0) return {};
  return from_sockaddr(raw).value_or(core::endpoint{});
}

core::endpoint peer_address(int fd) noexcept {
  sockaddr_storage raw{};
  socklen_t size = sizeof raw;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&raw), &size) != 0) return {};
  return from_sockaddr(raw).value_or(core::endpoint{});
}

std::uint64_t socket_cookie(int fd) noexcept {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return ::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

std::uint64_t netns_cookie(int fd) noexcept {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return ::getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

std::string incoming_interface(int fd) {
  // ip(7): an accepted socket remembers where its SYN came from, and tells it as if a datagram had come.
  const core::address own = bound_address(fd).address;
  const bool v6 = own.is_v6() && !own.is_v4_mapped();
  const int yes = 1;
  alignas(cmsghdr) char options[256];
  socklen_t size = sizeof options;
  if (::setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &yes, sizeof yes) != 0) return {};
  if (::getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_2292PKTOPTIONS : IP_PKTOPTIONS, options, &size) != 0) return {};
  msghdr all{};
  all.msg_control = options;
  all.msg_controllen = size;
  unsigned index = 0;
  for (cmsghdr* one = CMSG_FIRSTHDR(&all); one != nullptr; one = CMSG_NXTHDR(&all, one)) {
    in_pktinfo four;
    in6_pktinfo six;
    if (one->cmsg_level == IPPROTO_IP && one->cmsg_type == IP_PKTINFO) {
      std::memcpy(&four, CMSG_DATA(one), sizeof four);
      index = static_cast<unsigned>(four.ipi_ifindex);
    } else if (one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_PKTINFO) {
      std::memcpy(&six, CMSG_DATA(one), sizeof six);
      index = six.ipi6_ifindex;
    }
  }
  char name[IF_NAMESIZE];
  return index != 0 && ::if_indextoname(index, name) != nullptr ? name : std::string{};
}

}  // namespace omnilink::io
