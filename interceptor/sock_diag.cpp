#include "interceptor/sock_diag.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "core/clock.hpp"

namespace omnilink::interceptor {
namespace {

constexpr core::nanoseconds kernel_timeout =
    std::chrono::milliseconds{100};  // the kernel answers within microseconds

struct request {
  nlmsghdr header{};
  inet_diag_req_v2 body{};
};

void copy_address(const core::address& from, __be32 (&into)[4]) noexcept {
  if (from.is_v4()) {
    const auto bytes = from.to_v4();
    std::memcpy(into, bytes.data(), bytes.size());
  } else {
    const auto bytes = from.to_v6();
    std::memcpy(into, bytes.data(), bytes.size());
  }
}

request make_request(const core::endpoint& local, const core::endpoint& remote,
                     std::uint32_t sequence) noexcept {
  request out;
  out.header = {.nlmsg_len = sizeof(out),
                .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                .nlmsg_flags = NLM_F_REQUEST,
                .nlmsg_seq = sequence,
                .nlmsg_pid = 0};
  out.body.sdiag_family = local.address.is_v4() ? AF_INET : AF_INET6;
  out.body.sdiag_protocol = IPPROTO_TCP;
  out.body.idiag_states = ~0u;
  out.body.id.idiag_sport = htons(local.port);
  out.body.id.idiag_dport = htons(remote.port);
  copy_address(local.address, out.body.id.idiag_src);
  copy_address(remote.address, out.body.id.idiag_dst);
  out.body.id.idiag_cookie[0] = out.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  return out;
}

// The attributes behind the answer; this one comes unasked, since Linux 5.8.
std::uint64_t cgroup_in(const char* at, std::size_t left) noexcept {
  rtattr head;
  while (left >= sizeof(head)) {
    std::memcpy(&head, at, sizeof(head));
    if (head.rta_len < sizeof(head) || head.rta_len > left) return 0;
    std::uint64_t id;
    if (head.rta_type == INET_DIAG_CGROUP_ID && head.rta_len == RTA_LENGTH(sizeof(id))) {
      std::memcpy(&id, at + RTA_LENGTH(0), sizeof(id));
      return id;
    }
    const std::size_t step = RTA_ALIGN(head.rta_len);
    if (step >= left) return 0;
    at += step;
    left -= step;
  }
  return 0;
}

/// The owner in the kernel's answer. The look-up falls back to a listener of that port, which is not the
/// asked one; a socket that its program has closed has no inode, and claims uid 0.
std::optional<socket_owner> owner_in(const inet_diag_msg& found, bool of_listener) noexcept {
  if (found.idiag_inode == 0 || (found.idiag_state == TCP_LISTEN) != of_listener) return std::nullopt;
  return socket_owner{found.idiag_uid, found.idiag_inode, 0};
}

/// False: nothing came in time.
bool wait_readable(int fd, core::instant until) noexcept {
  for (;;) {
    const auto left = core::to_milliseconds(until - core::clock::now());
    pollfd waiting{fd, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, left > 0 ? static_cast<int>(left) : 0);
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

std::optional<socket_owner> read_answer(int fd, const request& asked) noexcept {
  alignas(nlmsghdr) char buffer[4096];  // one inet_diag_msg with its few attributes
  const core::instant until = core::clock::now() + kernel_timeout;
  while (wait_readable(fd, until)) {
    const ssize_t size = ::recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (size < static_cast<ssize_t>(sizeof(nlmsghdr))) continue;
    nlmsghdr header;
    std::memcpy(&header, buffer, sizeof(header));
    if (header.nlmsg_seq != asked.header.nlmsg_seq) continue;  // the late answer to an earlier question
    if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY || header.nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg)) ||
        header.nlmsg_len > static_cast<std::size_t>(size)) {
      return std::nullopt;  // NLMSG_ERROR: ENOENT
    }
    inet_diag_msg found;
    std::memcpy(&found, buffer + NLMSG_HDRLEN, sizeof(found));
    auto owner = owner_in(found, asked.body.id.idiag_dport == 0);
    constexpr std::size_t fixed = NLMSG_SPACE(sizeof(inet_diag_msg));
    if (owner && header.nlmsg_len > fixed) owner->cgroup = cgroup_in(buffer + fixed, header.nlmsg_len - fixed);
    return owner;
  }
  return std::nullopt;
}

}  // namespace

io::descriptor open_sock_diag() noexcept {
  return io::descriptor{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)};
}

std::optional<socket_owner> owner_of(int diag_fd, core::endpoint local, core::endpoint remote) noexcept {
  static std::atomic<std::uint32_t> last_sequence{0};
  local.address = local.address.unmapped();
  remote.address = remote.address.unmapped();
  if (local.address.is_v4() != remote.address.is_v4()) return std::nullopt;
  const request asked = make_request(local, remote, ++last_sequence);
  const sockaddr_nl kernel{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  const auto* to = reinterpret_cast<const sockaddr*>(&kernel);
  if (::sendto(diag_fd, &asked, sizeof(asked), MSG_DONTWAIT, to, sizeof(kernel)) != sizeof(asked))
    return std::nullopt;
  return read_answer(diag_fd, asked);
}

std::optional<socket_owner> socket_table::owner_of(const core::endpoint& local, const core::endpoint& remote) {
  const std::lock_guard lock{mutex_};
  if (!diag_) diag_ = open_sock_diag();
  return interceptor::owner_of(diag_.get(), local, remote);
}

}  // namespace omnilink::interceptor
