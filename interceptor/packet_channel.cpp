#include "interceptor/packet_channel.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "io/unix_socket.hpp"

namespace omnilink::interceptor {
namespace {

union control_buffer {
  cmsghdr alignment;
  char bytes[CMSG_SPACE(packet_descriptors_max * sizeof(int))];
};

std::vector<io::descriptor> take_descriptors(msghdr& message) {
  std::vector<io::descriptor> out;
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t used = 0; used + sizeof(int) <= at->cmsg_len - CMSG_LEN(0); used += sizeof(int)) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(at) + used, sizeof(fd));
      out.emplace_back(fd);
    }
  }
  return out;
}

}  // namespace

std::pair<io::descriptor, io::descriptor> make_packet_channel() noexcept {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return {};
  return {io::descriptor{ends[0]}, io::descriptor{ends[1]}};
}

io::descriptor connect_packet_channel(const std::string& path) noexcept {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof name.sun_path) {
    errno = ENAMETOOLONG;
    return {};
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  io::descriptor out{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
  if (out && ::connect(out.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    const int why = errno;
    out.reset();
    errno = why;
  }
  return out;
}

bool send_packet(int channel, wire::bytes packet, std::span<const int> descriptors) {
  if (descriptors.size() > packet_descriptors_max) return false;
  errno = io::send_passing(channel, packet, descriptors);
  return errno == 0;
}

void wait_for_reader(int channel, core::nanoseconds at_most) noexcept {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(at_most).count();
  const timeval time{.tv_sec = micros / 1'000'000, .tv_usec = micros % 1'000'000};
  ::setsockopt(channel, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

std::optional<received_packet> receive_packet(int channel, std::size_t most) {
  received_packet out;
  out.data.resize(most);
  iovec part{out.data.data(), out.data.size()};
  control_buffer control{};
  msghdr in{};
  in.msg_iov = &part;
  in.msg_iovlen = 1;
  in.msg_control = control.bytes;
  in.msg_controllen = sizeof(control.bytes);
  ssize_t size;
  do size = ::recvmsg(channel, &in, MSG_CMSG_CLOEXEC);
  while (size < 0 && errno == EINTR);
  if (size < 0) return std::nullopt;
  out.descriptors = take_descriptors(in);  // owned from here on, whatever else is wrong
  const bool cut = (in.msg_flags & MSG_TRUNC) != 0;
  // There is room for all that may come: what is missing is what the kernel could not open.
  const bool too_many = !cut && (in.msg_flags & MSG_CTRUNC) != 0;
  if (cut || too_many || size == 0) {
    out.descriptors.clear();  // before errno, which closing may change
    errno = too_many ? EMFILE : EPROTO;
    return std::nullopt;
  }
  out.data.resize(static_cast<std::size_t>(size));
  return out;
}

}  // namespace omnilink::interceptor
