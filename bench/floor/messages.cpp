#include "bench/floor/messages.hpp"

#include <cstring>

namespace omnilink::bench {
namespace {

constexpr std::size_t address_size = 10;  // of a request or reply with an IPv4 address

message_size hear_socks5_address(std::string_view heard, char second) {
  if (heard.size() < address_size) return 0;
  if (heard[0] != 5 || heard[1] != second || heard[3] != 1) return {};
  return address_size;
}

std::size_t head_size(std::string_view heard) {
  const std::size_t end = heard.find("\r\n\r\n");
  return end == heard.npos ? 0 : end + 4;
}

}  // namespace

std::string socks5_request(const sockaddr_in& where) {
  std::string out{"\5\1\0\1", 4};
  return out.append(reinterpret_cast<const char*>(&where.sin_addr), 4).append(reinterpret_cast<const char*>(&where.sin_port), 2);
}

std::string http_request(const sockaddr_in& where) {
  const std::string text = to_text(where);
  return "CONNECT " + text + " HTTP/1.1\r\nHost: " + text + "\r\n\r\n";
}

message_size hear_socks5_greeting(std::string_view heard) {
  if (heard.size() < 2 || heard.size() < 2u + static_cast<unsigned char>(heard[1])) return 0;
  if (heard[0] != 5) return {};
  return 2u + static_cast<unsigned char>(heard[1]);
}

message_size hear_socks5_choice(std::string_view heard) {
  if (heard.size() < socks5_choice.size()) return 0;
  if (!heard.starts_with(socks5_choice)) return {};
  return socks5_choice.size();
}

message_size hear_socks5_reply(std::string_view heard) {
  return hear_socks5_address(heard, 0);
}

message_size hear_http_reply(std::string_view heard) {
  const std::size_t size = head_size(heard);
  if (size > 0 && !(heard.starts_with("HTTP/1.") && heard.substr(8).starts_with(" 200"))) return {};
  return size;
}

message_size hear_socks5_request(std::string_view heard, sockaddr_in& where) {
  const message_size size = hear_socks5_address(heard, 1);
  if (!size || *size == 0) return size;
  where.sin_family = AF_INET;
  std::memcpy(&where.sin_addr, &heard[4], 4);
  std::memcpy(&where.sin_port, &heard[8], 2);
  return size;
}

message_size hear_http_request(std::string_view heard, sockaddr_in& where) {
  constexpr std::string_view method = "CONNECT ";
  const std::size_t size = head_size(heard);
  if (size == 0) return 0;
  const std::size_t end = heard.find(' ', method.size());
  if (!heard.starts_with(method) || end == heard.npos) return {};
  const std::optional<sockaddr_in> read = read_address(std::string{heard.substr(method.size(), end - method.size())});
  if (!read) return {};
  where = *read;
  return size;
}

}  // namespace omnilink::bench
