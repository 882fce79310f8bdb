// Aligned blocks: how addresses and numbers are indexed. A block is a key and the count of its low bits that
// do not matter, like a network and its prefix. Every range is a few blocks (at most two per bit), and two
// blocks never overlap unless one holds the other, so the blocks around a value form a chain: a prefix trie,
// whatever the field.
#pragma once

#include <bit>
#include <compare>
#include <cstdint>

#include "core/endpoint.hpp"

namespace omnilink::interceptor::filter {

/// Numbers and IPv4 addresses.
using narrow_key = std::uint64_t;
/// IPv6 addresses.
struct wide_key {
  std::uint64_t high = 0, low = 0;
  friend auto operator<=>(const wide_key&, const wide_key&) = default;
};

inline narrow_key narrow(const core::address& v4) noexcept {
  const auto b = v4.to_v4();
  return std::uint64_t{b[0]} << 24 | std::uint64_t{b[1]} << 16 | std::uint64_t{b[2]} << 8 | b[3];
}

inline wide_key wide(const core::address& v6) noexcept {
  const auto b = v6.to_v6();
  wide_key out;
  for (std::size_t i = 0; i < 8; ++i) out.high = out.high << 8 | b[i];
  for (std::size_t i = 8; i < 16; ++i) out.low = out.low << 8 | b[i];
  return out;
}

/// Ones in the low bits; 0 to 64.
constexpr std::uint64_t ones(unsigned count) noexcept {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

/// The last key of the block that begins at `first`.
constexpr narrow_key last_of(narrow_key first, unsigned free_bits) noexcept {
  return first | ones(free_bits);
}
constexpr wide_key last_of(wide_key first, unsigned free_bits) noexcept {
  return {first.high | ones(free_bits > 64 ? free_bits - 64 : 0), first.low | ones(free_bits)};
}

/// Not to be asked of the largest key.
constexpr narrow_key next(narrow_key k) noexcept {
  return k + 1;
}
constexpr wide_key next(wide_key k) noexcept {
  return {k.low + 1 == 0 ? k.high + 1 : k.high, k.low + 1};
}

constexpr bool is_largest(narrow_key k) noexcept {
  return k == ~std::uint64_t{0};
}
constexpr bool is_largest(wide_key k) noexcept {
  return is_largest(k.high) && is_largest(k.low);
}

/// The widest block that may begin here.
constexpr unsigned free_bits_of(narrow_key k) noexcept {
  return static_cast<unsigned>(std::countr_zero(k));
}
constexpr unsigned free_bits_of(wide_key k) noexcept {
  return k.low ? free_bits_of(k.low) : 64 + free_bits_of(k.high);
}

/// Calls visit(first key, free bits) for the fewest blocks that are the range together; both ends are within.
template <class Key, class Visit>
void for_each_block(Key first, Key last, Visit visit) {
  for (;;) {
    unsigned free_bits = free_bits_of(first);
    while (last_of(first, free_bits) > last) --free_bits;
    visit(first, free_bits);
    const Key end = last_of(first, free_bits);
    if (end == last) return;
    first = next(end);
  }
}

}  // namespace omnilink::interceptor::filter
