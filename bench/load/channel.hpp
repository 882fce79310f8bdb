// A connection's way to the target: straight (the kernel may bring it elsewhere), or through a proxy that is asked for it.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "bench/net.hpp"

namespace omnilink::bench {

/// What the target does is said by the first byte of a connection; behind sink and source comes how many bytes there shall be
/// (8 bytes, this machine's order), and when they are through the next request may follow.
enum service : char {
  echo = 'e',    ///< sends everything back
  sink = 'u',    ///< takes as many bytes, then says so with one byte
  source = 'd',  ///< sends as many bytes
};
inline constexpr std::size_t bulk_request_size = 1 + sizeof(std::uint64_t);
std::array<char, bulk_request_size> bulk_request(service what, std::uint64_t bytes);

/// What is said to a proxy, and what it has to answer before anything else is said.
struct question {
  std::string text;
  std::size_t answer_size;  ///< of SOCKS5, whose answer begins 5, 0; or http_head

  static constexpr std::size_t http_head = 0;
  bool is_answered(std::string_view heard) const;
  bool is_agreed(std::string_view heard) const;
};

struct route {
  sockaddr_in first;
  std::optional<sockaddr_in> from;
  std::vector<question> questions;  ///< to who is first
};

std::vector<question> socks5_questions(const sockaddr_in& target);
std::vector<question> http_questions(const sockaddr_in& target);

/// A blocking socket whose next byte is the target's. Whatever fails ends the tool.
int open_blocking(const route& way);
void send_all(int fd, const char* data, std::size_t size);
void receive_all(int fd, char* into, std::size_t size);

}  // namespace omnilink::bench
