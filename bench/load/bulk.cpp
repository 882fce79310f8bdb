#include "bench/load/bulk.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace omnilink::bench {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t piece = 256 * 1024;
// Of one request: much more than what is asked for it, little enough for a slow candidate's time.
constexpr std::uint64_t request_bytes = 16 << 20;

void ask(int fd, service what) {
  const auto request = bulk_request(what, request_bytes);
  send_all(fd, request.data(), request.size());
}

// Until the target has said that it has all of it.
std::uint64_t send_until(int fd, clock::time_point end) {
  const std::vector<char> payload(piece);
  std::uint64_t requests = 0;
  do {
    ask(fd, service::sink);
    for (std::uint64_t left = request_bytes; left > 0; left -= piece) send_all(fd, payload.data(), piece);
    ++requests;
  } while (clock::now() < end);
  for (std::uint64_t i = 0; i < requests; ++i) {
    char arrived = 0;
    receive_all(fd, &arrived, sizeof arrived);
  }
  return requests * request_bytes;
}

// The next request is on its way while the last one is answered: there is no pause.
std::uint64_t receive_until(int fd, clock::time_point end) {
  std::uint64_t asked = 0, arrived = 0;
  do {
    while (asked < arrived + 2 * request_bytes && (asked == 0 || clock::now() < end)) {
      ask(fd, service::source);
      asked += request_bytes;
    }
    // MSG_TRUNC: taken without a copy, which would be this tool's cost (tcp(7)).
    const int got = check(static_cast<int>(::recv(fd, nullptr, piece, MSG_TRUNC)), "recv");
    if (got == 0) die("the connection ended too early");
    arrived += static_cast<std::uint64_t>(got);
  } while (arrived < asked);
  return arrived;
}

}  // namespace

std::uint64_t run_bulk(const bulk_options& options) {
  std::vector<int> sockets;
  for (int i = 0; i < options.lanes; ++i) sockets.push_back(open_blocking(options.way));
  const auto end = clock::now() + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>{options.seconds});
  std::atomic<std::uint64_t> carried = 0;
  {
    std::vector<std::jthread> lanes;
    for (const int fd : sockets)
      lanes.emplace_back([&, fd] { carried += options.what == service::sink ? send_until(fd, end) : receive_until(fd, end); });
  }
  std::ranges::for_each(sockets, ::close);
  return carried;
}

}  // namespace omnilink::bench
