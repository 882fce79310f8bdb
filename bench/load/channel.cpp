#include "bench/load/channel.hpp"

#include <cstring>

namespace omnilink::bench {

std::array<char, bulk_request_size> bulk_request(service what, std::uint64_t bytes) {
  std::array<char, bulk_request_size> out{what};
  std::memcpy(&out[1], &bytes, sizeof bytes);
  return out;
}

bool question::is_answered(std::string_view heard) const {
  return answer_size == http_head ? heard.ends_with("\r\n\r\n") : heard.size() >= answer_size;
}

bool question::is_agreed(std::string_view heard) const {
  if (answer_size != http_head) return heard.starts_with(std::string_view{"\5\0", 2});
  return heard.starts_with("HTTP/1.") && heard.substr(8).starts_with(" 200");
}

// RFC 1928, without authentication, IPv4 only.
std::vector<question> socks5_questions(const sockaddr_in& target) {
  std::string request{"\5\1\0\1", 4};
  request.append(reinterpret_cast<const char*>(&target.sin_addr), 4).append(reinterpret_cast<const char*>(&target.sin_port), 2);
  return {{{"\5\1\0", 3}, 2}, {std::move(request), 10}};
}

std::vector<question> http_questions(const sockaddr_in& target) {
  const std::string where = to_text(target);
  return {{"CONNECT " + where + " HTTP/1.1\r\nHost: " + where + "\r\n\r\n", question::http_head}};
}

int open_blocking(const route& way) {
  const int fd = check(connect_to(way.first, 0, way.from ? &*way.from : nullptr), "connect");
  for (const question& one : way.questions) {
    send_all(fd, one.text.data(), one.text.size());
    std::string heard;
    while (!one.is_answered(heard)) {
      char next = 0;
      receive_all(fd, &next, 1);
      heard.push_back(next);
    }
    if (!one.is_agreed(heard)) die("the proxy refused");
  }
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
