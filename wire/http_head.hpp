// What the readers of HTTP heads have in common: words, lines and limits (RFC 9110, RFC 9112). A head is read line by line.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

#include "wire/byte_codec.hpp"
#include "wire/handshake.hpp"

namespace omnilink::wire {

/// A head's bytes, its last line included; what the common servers accept, and far below 64 KiB per
/// handshake.
inline constexpr std::size_t http_head_max = 16 * 1024;
/// Field lines in a head: the first line and the empty one do not count.
inline constexpr std::size_t http_lines_max = 100;
/// Interim responses (1xx) before the final one: nobody has a use for more, and an endless row of them is an
/// attack.
inline constexpr int http_interim_max = 8;

inline constexpr std::string_view http_protocol_name = "HTTP/";

inline bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// RFC 9110 section 5.6.2
inline bool is_token_char(char c) noexcept {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || marks.find(c) != marks.npos;
}

inline bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

/// Without regard to case, as field names and most words of HTTP are compared.
inline bool same_word(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

inline std::string_view without_space(std::string_view text) noexcept {
  constexpr std::string_view space = " \t";
  const std::size_t begin = std::min(text.find_first_not_of(space), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(space) + 1);
}

struct http_field {
  std::string_view name, value;
};

/// RFC 9112 section 5: no space before the colon, no folding. The value is not looked at.
inline std::optional<http_field> parse_field(std::string_view line) noexcept {
  const std::size_t colon = line.find(':');
  if (colon == line.npos || !is_token(line.substr(0, colon))) return {};
  return http_field{line.substr(0, colon), without_space(line.substr(colon + 1))};
}

/// `version` is what follows http_protocol_name.
inline errc check_http_version(std::string_view version) noexcept {
  if (version == "1.1" || version == "1.0") return errc::ok;
  const bool http = version.size() == 3 && is_digit(version[0]) && version[1] == '.' && is_digit(version[2]);
  return http ? errc::bad_version : errc::bad_message;
}

/// What one head may still take, and the gate that each of its lines passes.
class head_budget {
 public:
  /// For the next receive_until; 0: the head is too long.
  std::size_t bytes_left() const noexcept { return bytes_; }

  /// The line's text without CR LF; nullopt: a bare CR or LF, or a NUL.
  std::optional<std::string_view> take_line(bytes raw) noexcept {
    bytes_ -= raw.size();
    std::string_view line = as_text(raw);
    if (!line.ends_with("\r\n")) return {};
    line.remove_suffix(2);
    if (line.find_first_of(std::string_view{"\r\n\0", 3}) != line.npos) return {};
    return line;
  }

  /// Bytes of the head that were read otherwise.
  void take_bytes(std::size_t count) noexcept { bytes_ -= count; }

  /// Counts and checks a line behind the first one; an empty line ends the head.
  errc take_field(std::string_view line) noexcept {
    if (line.empty()) return errc::ok;
    if (!parse_field(line)) return errc::bad_message;
    return ++fields_ > http_lines_max ? errc::oversized : errc::ok;
  }

 private:
  std::size_t bytes_ = http_head_max;
  std::size_t fields_ = 0;
};

}  // namespace omnilink::wire
