#include "io/unix_client.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace omnilink::io {

int unix_client::connect(const std::string& path, unix_kind kind, std::chrono::seconds limit) {
  sockaddr_un where{};
  if (path.size() >= sizeof where.sun_path) return ENAMETOOLONG;
  where.sun_family = AF_UNIX;
  std::memcpy(where.sun_path, path.c_str(), path.size());
  const int type = kind == unix_kind::seqpacket ? SOCK_SEQPACKET : SOCK_STREAM;
  socket_ = descriptor{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
  if (!socket_) return errno;
  // The limit for sending counts for connect() as well.
  const timeval time{static_cast<time_t>(limit.count()), 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  return ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0 ? 0 : errno;
}

int unix_client::send(wire::bytes data) noexcept {
  while (!data.empty()) {
    const ssize_t sent = ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR) return errno;
    if (sent > 0) data = data.subspan(static_cast<std::size_t>(sent));
  }
  return 0;
}

int unix_client::send_with(wire::bytes message, int passed) noexcept { return send_passing(socket_.get(), message, {&passed, 1}); }

int unix_client::receive(std::span<std::uint8_t> into, std::size_t& size) noexcept {
  ssize_t got;
  do got = ::recv(socket_.get(), into.data(), into.size(), 0);
  while (got < 0 && errno == EINTR);
  size = got < 0 ? 0 : static_cast<std::size_t>(got);
  return got < 0 ? errno : 0;
}

bool send_unix_datagram(std::string_view address, std::string_view text) noexcept {
  sockaddr_un where{};
  if (address.empty() || address.size() >= sizeof where.sun_path) return false;
  where.sun_family = AF_UNIX;
  std::memcpy(where.sun_path, address.data(), address.size());
  if (address.front() == '@') where.sun_path[0] = '\0';
  const descriptor socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
  const auto* to = reinterpret_cast<const sockaddr*>(&where);
  // A supervisor that does not read must not hold us up.
  return ::sendto(socket.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT, to, size) >= 0;
}

}  // namespace omnilink::io
