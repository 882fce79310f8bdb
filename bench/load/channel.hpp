// A connection's way to the target: straight (the kernel may redirect it), or through a SOCKS5 proxy.
#pragma once

#include <array>
#include <optional>

#include "bench/net.hpp"

namespace omnilink::bench {

/// What the target does is said by the first byte of a connection; behind sink and source comes how many bytes there shall be
/// (8 bytes, this machine's order).
enum service : char {
  echo = 'e',    ///< sends everything back
  sink = 'u',    ///< takes as many bytes, then says so with one byte: some peers cannot half-close
  source = 'd',  ///< sends as many bytes, then ends
};
inline constexpr std::size_t bulk_request_size = 1 + sizeof(std::uint64_t);
std::array<char, bulk_request_size> bulk_request(service what, std::uint64_t bytes);

struct route {
  sockaddr_in target;
  std::optional<sockaddr_in> proxy;
  std::optional<sockaddr_in> from;

  const sockaddr_in& first() const noexcept { return proxy ? *proxy : target; }
};

inline constexpr std::array<char, 3> socks5_greeting{5, 1, 0};
inline constexpr std::size_t socks5_choice_size = 2;
inline constexpr std::size_t socks5_reply_size = 10;  // with an IPv4 address
std::array<char, 10> socks5_request(const sockaddr_in& target);
/// The first bytes of a choice or a reply say yes.
inline bool socks5_agreed(const char* answer) { return answer[0] == 5 && answer[1] == 0; }

/// A blocking socket whose next byte is the target's. Whatever fails ends the tool.
int open_blocking(const route& way);
void send_all(int fd, const char* data, std::size_t size);
void receive_all(int fd, char* into, std::size_t size);

}  // namespace omnilink::bench
