#include "bench/load/channel.hpp"

#include <cstring>

namespace omnilink::bench {

std::array<char, 10> socks5_request(const sockaddr_in& target) {
  std::array<char, 10> out{5, 1, 0, 1};
  std::memcpy(&out[4], &target.sin_addr, 4);
  std::memcpy(&out[8], &target.sin_port, 2);
  return out;
}

std::array<char, bulk_request_size> bulk_request(service what, std::uint64_t bytes) {
  std::array<char, bulk_request_size> out{what};
  std::memcpy(&out[1], &bytes, sizeof bytes);
  return out;
}

int open_blocking(const route& way) {
  const int fd = check(connect_to(way.first(), 0, way.from ? &*way.from : nullptr), "connect");
  if (!way.proxy) return fd;
  char answer[socks5_reply_size];
  send_all(fd, socks5_greeting.data(), socks5_greeting.size());
  receive_all(fd, answer, socks5_choice_size);
  if (!socks5_agreed(answer)) die("the proxy wants a login");
  const auto request = socks5_request(way.target);
  send_all(fd, request.data(), request.size());
  receive_all(fd, answer, socks5_reply_size);
  if (!socks5_agreed(answer)) die("the proxy refused");
  return fd;
}

void send_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t put = ::send(fd, data, size, MSG_NOSIGNAL);
    if (put < 0) check(-1, "send");
    data += put;
    size -= static_cast<std::size_t>(put);
  }
}

void receive_all(int fd, char* into, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::recv(fd, into, size, 0);
    if (got < 0) check(-1, "recv");
    if (got == 0) die("the connection ended too early");
    into += got;
    size -= static_cast<std::size_t>(got);
  }
}

}  // namespace omnilink::bench
