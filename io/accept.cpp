#include "io/accept.hpp"

#include <sys/socket.h>

#include <cerrno>

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

}  // namespace omnilink::io
