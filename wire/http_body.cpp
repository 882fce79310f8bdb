#include "wire/http_body.hpp"

#include <algorithm>

#include "core/control.hpp"
#include "wire/http_head.hpp"

namespace omnilink::wire {
namespace {

// 60 bits: no sum of what is left and a buffer's size can wrap.
constexpr std::size_t digits_max = 15;

int hex_value(std::uint8_t c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_text(std::uint8_t c) noexcept { return c == '\t' || !core::is_control(static_cast<char>(c)); }

}  // namespace

http_body http_body::of_length(std::uint64_t bytes) noexcept {
  http_body out;
  out.left_ = bytes;
  out.now_ = bytes == 0 ? state::complete : state::length;
  return out;
}

http_body http_body::chunked() noexcept {
  http_body out;
  out.now_ = state::size_first;
  return out;
}

http_body http_body::until_close() noexcept {
  http_body out;
  out.now_ = state::until_close;
  return out;
}

http_body::taken http_body::take(bytes data) noexcept {
  if (now_ == state::until_close) return {data.size(), errc::ok};
  std::size_t count = 0;
  while (count < data.size() && now_ != state::complete) {
    if (now_ == state::length || now_ == state::data) {
      const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(left_, data.size() - count));
      count += part;
      left_ -= part;
      if (left_ == 0) now_ = now_ == state::length ? state::complete : state::data_cr;
      continue;
    }
    if (const errc code = step(data[count]); code != errc::ok) return {count, code};
    ++count;
  }
  return {count, errc::ok};
}

errc http_body::count_text() noexcept { return ++text_ > http_head_max ? errc::oversized : errc::ok; }

// One byte of the chunked coding that is not data (RFC 9112 section 7.1).
errc http_body::step(std::uint8_t byte) noexcept {
  const auto wants = [&](std::uint8_t wanted, state next) {
    if (byte != wanted) return errc::bad_message;
    now_ = next;
    return errc::ok;
  };
  switch (now_) {
    case state::size_first:
      left_ = 0;
      digits_ = 0;
      text_ = 0;
      now_ = state::size;
      if (hex_value(byte) < 0) return errc::bad_message;
      [[fallthrough]];
    case state::size:
      if (const int value = hex_value(byte); value >= 0) {
        if (++digits_ > digits_max) return errc::oversized;
        left_ = left_ << 4 | static_cast<std::uint64_t>(value);
        return errc::ok;
      }
      if (byte == ';') return wants(';', state::extension);
      return wants('\r', state::size_lf);
    case state::extension:
      if (byte == '\r') return wants('\r', state::size_lf);
      return is_text(byte) ? count_text() : errc::bad_message;
    case state::size_lf: return wants('\n', left_ == 0 ? state::trailer : state::data);
    case state::data_cr: return wants('\r', state::data_lf);
    case state::data_lf: return wants('\n', state::size_first);
    case state::trailer:
      if (byte == '\r') return wants('\r', state::last_lf);
      if (!is_token_char(static_cast<char>(byte))) return errc::bad_message;
      now_ = state::trailer_name;
      return ++trailers_ > http_lines_max ? errc::oversized : count_text();
    case state::trailer_name:
      if (byte == ':') return wants(':', state::trailer_value);
      return is_token_char(static_cast<char>(byte)) ? count_text() : errc::bad_message;
    case state::trailer_value:
      if (byte == '\r') return wants('\r', state::trailer_lf);
      return is_text(byte) ? count_text() : errc::bad_message;
    case state::trailer_lf: return wants('\n', state::trailer);
    case state::last_lf: return wants('\n', state::complete);
    case state::complete:
    case state::until_close:
    case state::length:
    case state::data: break;
  }
  return errc::internal;
}

}  // namespace omnilink::wire
