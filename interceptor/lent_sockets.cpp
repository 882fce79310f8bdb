#include "interceptor/lent_sockets.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "interceptor/packet_channel.hpp"

namespace omnilink::interceptor {
namespace {

// About forty sockets wait in a channel of this size; netd makes more when a quarter of them is left.
constexpr int channel_bytes = 16 * 1024;

void do_not_wait(const io::descriptor& channel) noexcept { ::fcntl(channel.get(), F_SETFL, O_NONBLOCK); }

io::descriptor make_socket(bool v6) noexcept {
  io::descriptor out{::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)};
  const int on = 1;
  // Of two connections of one client to two targets both may have the same port.
  if (!out || ::setsockopt(out.get(), v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, &on, sizeof on) != 0 ||
      ::setsockopt(out.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return {};
  return out;
}

}  // namespace

void socket_lender::lend_to(io::descriptor v4, io::descriptor v6) noexcept {
  channels_ = {std::move(v4), std::move(v6)};
  for (const io::descriptor& channel : channels_) {
    do_not_wait(channel);
    ::setsockopt(channel.get(), SOL_SOCKET, SO_SNDBUF, &channel_bytes, sizeof channel_bytes);
  }
}

void socket_lender::fill(bool v6) noexcept {
  for (;;) {
    const io::descriptor fresh = make_socket(v6);
    const int beside[] = {fresh.get()};
    constexpr std::uint8_t something[] = {0};
    if (fresh && send_packet(channels_[v6].get(), something, beside)) continue;
    // Where there is no such family, or nobody to read, this was the last one.
    if (!fresh || errno != EAGAIN) channels_[v6].reset();
    return;
  }
}

lent_sockets::lent_sockets(io::descriptor v4, io::descriptor v6) noexcept : channels_{std::move(v4), std::move(v6)} {
  for (const io::descriptor& channel : channels_) do_not_wait(channel);
}

io::descriptor lent_sockets::take(bool v6) const noexcept {
  auto packet = receive_packet(channels_[v6].get(), 1);
  if (!packet) return {};
  if (packet->descriptors.size() == 1) return std::move(packet->descriptors.front());
  errno = EPROTO;
  return {};
}

}  // namespace omnilink::interceptor
