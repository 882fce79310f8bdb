#include "tests/actors/socket_client.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "io/address.hpp"
#include "wire/socks5.hpp"

namespace omnilink::test {
namespace {

void bound_waits(int fd) {
  const timeval limit{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

}  // namespace

io::descriptor connect_tcp(const core::endpoint& to) {
  sockaddr_storage raw{};
  const socklen_t size = io::to_sockaddr(to, raw);
  io::descriptor fd{::socket(raw.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  bound_waits(fd.get());
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&raw), size) != 0) fd.reset();
  return fd;
}

bool send_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const auto n = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::string receive(int fd, std::size_t size) {
  std::string out(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const auto n = ::recv(fd, out.data() + have, size - have, 0);
    if (n <= 0) break;
    have += static_cast<std::size_t>(n);
  }
  out.resize(have);
  return out;
}

int receive_end(int fd) {
  std::array<char, 4096> rest;
  for (;;) {
    const auto n = ::recv(fd, rest.data(), rest.size(), 0);
    if (n == 0) return 0;
    if (n < 0) return -errno;
  }
}

int socks5_connect(int fd, const core::target& to) {
  wire::socks5_outcome outcome;
  auto script = wire::socks5_connect(to, {}, outcome);
  while (!script.done()) {
    if (script.now() == wire::handshake::state::sending) {
      const auto out = script.output();
      if (!send_all(fd, {reinterpret_cast<const char*>(out.data()), out.size()})) return -1;
      script.sent();
      continue;
    }
    const std::string in = receive(fd, script.needed());
    if (in.empty()) return -1;
    script.feed({reinterpret_cast<const std::uint8_t*>(in.data()), in.size()});
  }
  if (script.result() == core::errc::ok) return 0;
  return script.result() == core::errc::hop_refused ? outcome.reply : -1;
}

bool echoes(int fd, std::string_view line) { return send_all(fd, line) && receive(fd, line.size()) == line; }

io::descriptor connect_unix(const std::string& path, int type) {
  io::descriptor fd{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
  bound_waits(fd.get());
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::strncpy(to.sun_path, path.c_str(), sizeof to.sun_path - 1);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) fd.reset();
  return fd;
}

std::optional<wire::nat_answer> query(const std::string& path, const wire::nat_question& question, int pass_fd) {
  const io::descriptor fd = connect_unix(path, SOCK_SEQPACKET);
  if (!fd) return {};
  auto data = wire::encode(question);
  iovec part{data.data(), data.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
  if (pass_fd >= 0) {
    message.msg_control = space.data();
    message.msg_controllen = space.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &pass_fd, sizeof pass_fd);
  }
  if (::sendmsg(fd.get(), &message, MSG_NOSIGNAL) < 0) return {};
  return receive_answer(fd.get());
}

bool send_message(int fd, wire::bytes message) { return ::send(fd, message.data(), message.size(), MSG_NOSIGNAL) > 0; }

std::optional<wire::nat_answer> receive_answer(int fd) {
  std::array<std::uint8_t, wire::nat_answer_size> in;
  const auto n = ::recv(fd, in.data(), in.size(), 0);
  if (n <= 0) return {};
  const auto answer = wire::decode_nat_answer({in.data(), static_cast<std::size_t>(n)});
  if (answer.has_error()) return {};
  return *answer;
}

std::string admin(const std::string& path, const std::string& line) {
  const io::descriptor fd = connect_unix(path, SOCK_STREAM);
  if (!fd || !send_all(fd.get(), line + "\n")) return {};
  std::string out;
  for (std::string more; (more = receive(fd.get(), 1)).size() == 1 && more != "\n";) out += more;
  return out;
}

}  // namespace omnilink::test
