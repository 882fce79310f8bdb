// What is said before bytes are carried, without I/O: SOCKS5 (RFC 1928) without authentication, HTTP CONNECT, IPv4 only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bench/net.hpp"

namespace omnilink::bench {

/// How long the message is that `heard` begins with; 0: not all of it is here; nothing: it is not what it should be.
using message_size = std::optional<std::size_t>;

inline constexpr std::string_view socks5_greeting{"\5\1\0", 3};
inline constexpr std::string_view socks5_choice{"\5\0", 2};
inline constexpr std::string_view socks5_granted{"\5\0\0\1\0\0\0\0\0\0", 10};
inline constexpr std::string_view http_granted{"HTTP/1.1 200 OK\r\n\r\n"};

std::string socks5_request(const sockaddr_in& where);
std::string http_request(const sockaddr_in& where);

message_size hear_socks5_greeting(std::string_view heard);
message_size hear_socks5_choice(std::string_view heard);
message_size hear_socks5_reply(std::string_view heard);
message_size hear_http_reply(std::string_view heard);
message_size hear_socks5_request(std::string_view heard, sockaddr_in& where);
message_size hear_http_request(std::string_view heard, sockaddr_in& where);

}  // namespace omnilink::bench
