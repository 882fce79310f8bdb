#include "bench/load/bulk.hpp"

#include <algorithm>
#include <vector>

namespace omnilink::bench {
namespace {

constexpr std::size_t piece = 256 * 1024;

}  // namespace

void send_bulk(const route& way, std::uint64_t bytes) {
  const std::vector<char> payload(piece);
  const int fd = open_blocking(way);
  const auto request = bulk_request(service::sink, bytes);
  send_all(fd, request.data(), request.size());
  for (std::uint64_t left = bytes; left > 0;) {
    const std::size_t size = std::min<std::uint64_t>(left, piece);
    send_all(fd, payload.data(), size);
    left -= size;
  }
  char arrived = 0;
  receive_all(fd, &arrived, sizeof arrived);
  ::close(fd);
}

void receive_bulk(const route& way, std::uint64_t bytes) {
  const int fd = open_blocking(way);
  const auto request = bulk_request(service::source, bytes);
  send_all(fd, request.data(), request.size());
  // MSG_TRUNC: taken without a copy, which would be this tool's cost (tcp(7)).
  std::uint64_t arrived = 0;
  while (const int got = check(static_cast<int>(::recv(fd, nullptr, piece, MSG_TRUNC)), "recv"))
    arrived += static_cast<std::uint64_t>(got);
  if (arrived != bytes) die(std::to_string(arrived) + " bytes came");
  ::close(fd);
}

}  // namespace omnilink::bench
