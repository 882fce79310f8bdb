#include "interceptor/installer_channel.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace omnilink::interceptor {
namespace {

// Two listeners per worker, four sockets of the name server, one of sock_diag; the kernel's limit is 253
// (SCM_MAX_FD).
constexpr std::size_t max_descriptors = 2 * wire::max_installer_workers + 5;

union control_buffer {
  cmsghdr alignment;
  char bytes[CMSG_SPACE(max_descriptors * sizeof(int))];
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

std::pair<io::descriptor, io::descriptor> make_installer_channel() noexcept {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return {};
  return {io::descriptor{ends[0]}, io::descriptor{ends[1]}};
}

bool send_message(int channel, const wire::installer_message& message, std::span<const int> descriptors) {
  wire::installer_packet packet = wire::encode(message);
  iovec part{packet.data(), packet.size()};
  control_buffer control{};
  msghdr out{};
  out.msg_iov = &part;
  out.msg_iovlen = 1;
  if (!descriptors.empty()) {
    if (descriptors.size() > max_descriptors) return false;
    out.msg_control = control.bytes;
    out.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* head = CMSG_FIRSTHDR(&out);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(head), descriptors.data(), descriptors.size_bytes());
  }
  ssize_t sent;
  do sent = ::sendmsg(channel, &out, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(packet.size());
}

std::optional<received_message> receive_message(int channel) {
  wire::installer_packet packet;
  iovec part{packet.data(), packet.size()};
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
  auto descriptors = take_descriptors(in);  // owned from here on, whatever else is wrong
  const bool cut = (in.msg_flags & MSG_TRUNC) != 0;
  // There is room for all that may come: what is missing is what the kernel could not open.
  const bool too_many = !cut && (in.msg_flags & MSG_CTRUNC) != 0;
  auto message = wire::decode_installer_message(wire::bytes{packet}.first(static_cast<std::size_t>(size)));
  if (cut || too_many || !message) {
    descriptors.clear();  // before errno, which closing may change
    errno = too_many ? EMFILE : EPROTO;
    return std::nullopt;
  }
  return received_message{std::move(*message), std::move(descriptors)};
}

}  // namespace omnilink::interceptor
