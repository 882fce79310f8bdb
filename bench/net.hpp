// What the floor and the load tool share: IPv4 sockets, and how a tool that cannot go on ends.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>

namespace omnilink::bench {

[[noreturn]] inline void die(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

/// A system call's result; a failure ends the tool.
inline int check(int result, const char* what) {
  if (result < 0) {
    std::perror(what);
    std::exit(1);
  }
  return result;
}

/// "127.0.0.1:1080".
inline std::optional<sockaddr_in> read_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  sockaddr_in out{};
  out.sin_family = AF_INET;
  if (colon == text.npos || ::inet_pton(AF_INET, text.substr(0, colon).c_str(), &out.sin_addr) != 1) return {};
  out.sin_port = htons(static_cast<std::uint16_t>(std::atoi(text.c_str() + colon + 1)));
  return out;
}

inline sockaddr_in parse_address(const std::string& text) {
  const auto out = read_address(text);
  if (!out) die(text + " is not IPV4:PORT");
  return *out;
}

inline std::string to_text(const sockaddr_in& address) {
  char text[INET_ADDRSTRLEN];
  ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
  return std::string{text} + ":" + std::to_string(ntohs(address.sin_port));
}

inline const sockaddr* raw(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

inline int set_option(int fd, int level, int option) {
  const int on = 1;
  return ::setsockopt(fd, level, option, &on, sizeof on);
}

/// Non-blocking; `transparent`: also connections to other addresses, which tproxy brings.
inline int listen_on(const sockaddr_in& where, bool transparent = false) {
  const int fd = check(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  set_option(fd, SOL_SOCKET, SO_REUSEADDR);
  set_option(fd, IPPROTO_TCP, TCP_NODELAY);  // what is accepted inherits it
  if (transparent) check(set_option(fd, SOL_IP, IP_TRANSPARENT), "IP_TRANSPARENT");
  check(::bind(fd, raw(where), sizeof where), "bind");
  check(::listen(fd, 4096), "listen");
  return fd;
}

/// Whether the kernel may hold a small write back until the one before is acknowledged.
enum class sends : bool { as_it_comes, at_once };

/// `flags`: SOCK_NONBLOCK or 0; `from`: null, or an address to come from, without a port. -1: errno says why.
inline int connect_to(const sockaddr_in& where, int flags, const sockaddr_in* from = nullptr, sends how = sends::at_once) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (fd < 0) return fd;
  if (how == sends::at_once) set_option(fd, IPPROTO_TCP, TCP_NODELAY);
  if (from) {
    set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    check(::bind(fd, raw(*from), sizeof *from), "bind");
  }
  if (::connect(fd, raw(where), sizeof where) == 0 || errno == EINPROGRESS) return fd;
  ::close(fd);
  return -1;
}

/// Asleep, or always awake: who sleeps is woken at the expense of the candidate that sends to it, most often by one that is slower
/// than its load, and a client elsewhere in a network is never woken by it.
enum class waits : bool { asleep, awake };

/// What has happened; nothing when a tracer's signal came instead.
inline std::span<epoll_event> wait_for_events(int epoll, std::span<epoll_event> room, waits how = waits::asleep) {
  const int count = ::epoll_wait(epoll, room.data(), static_cast<int>(room.size()), how == waits::awake ? 0 : -1);
  if (count < 0 && errno == EINTR) return {};
  if (count == 0) ::sched_yield();  // to the others of this core
  return room.first(static_cast<std::size_t>(check(count, "epoll_wait")));
}

}  // namespace omnilink::bench
