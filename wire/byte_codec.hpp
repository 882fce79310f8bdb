// Reading and writing of binary messages in network order. Neither ever leaves its buffer: the first step
// that does not fit fails, and so does all that follows; the caller asks once, at the end.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "wire/handshake.hpp"

namespace omnilink::wire {

class byte_reader {
 public:
  explicit byte_reader(bytes data) noexcept : rest_{data} {}

  /// The next `count` bytes; empty once failed.
  bytes take(std::size_t count) noexcept {
    if (failed_ || count > rest_.size()) {
      failed_ = true;
      return {};
    }
    const bytes out = rest_.first(count);
    rest_ = rest_.subspan(count);
    return out;
  }
  /// 0 once failed.
  template <std::unsigned_integral T>
  T number() noexcept {
    T out = 0;
    for (const std::uint8_t b : take(sizeof(T))) out = static_cast<T>(std::uint64_t{out} << 8 | b);
    return out;
  }
  std::uint8_t u8() noexcept { return number<std::uint8_t>(); }
  std::uint16_t u16() noexcept { return number<std::uint16_t>(); }
  std::uint32_t u32() noexcept { return number<std::uint32_t>(); }
  std::uint64_t u64() noexcept { return number<std::uint64_t>(); }

  bool failed() const noexcept { return failed_; }
  std::size_t left() const noexcept { return rest_.size(); }

 private:
  bytes rest_;
  bool failed_ = false;
};

class byte_writer {
 public:
  explicit byte_writer(std::span<std::uint8_t> into) noexcept : into_{into} {}

  void put(bytes data) noexcept {
    if (failed_ || data.size() > into_.size() - used_) {
      failed_ = true;
      return;
    }
    std::copy(data.begin(), data.end(), into_.begin() + static_cast<std::ptrdiff_t>(used_));
    used_ += data.size();
  }
  void put(std::string_view text) noexcept {
    put(bytes{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  template <std::unsigned_integral T>
  void number(T value) noexcept {
    std::uint8_t out[sizeof(T)];
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      out[i] = static_cast<std::uint8_t>(value >> 8 * (sizeof(T) - 1 - i));
    }
    put(bytes{out});
  }
  void u8(std::uint8_t value) noexcept { number(value); }
  void u16(std::uint16_t value) noexcept { number(value); }
  void u32(std::uint32_t value) noexcept { number(value); }
  void u64(std::uint64_t value) noexcept { number(value); }
  void zeros(std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) u8(0);
  }

  bool failed() const noexcept { return failed_; }
  bytes written() const noexcept { return into_.first(used_); }

 private:
  std::span<std::uint8_t> into_;
  std::size_t used_ = 0;
  bool failed_ = false;
};

/// Received bytes as text.
inline std::string_view as_text(bytes data) noexcept {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}
inline bytes as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace omnilink::wire
