// Where a shard's entries live: slots with stable numbers and addresses. The lowest free number is taken first, so that a table that
// shrinks empties its upper blocks of pages, whose memory is given back in steps.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <numeric>
#include <utility>
#include <vector>

#include "core/reserved_pages.hpp"

namespace omnilink::nat {

using entry_number = std::uint32_t;
inline constexpr entry_number no_entry = 0xffffffff;

template <class T>
class slab {
 public:
  explicit slab(std::size_t capacity)
      : blocks_((capacity + block_size - 1) / block_size),
        used_(blocks_.size() * words_per_block),
        room_((used_.size() + 63) / 64, ~std::uint64_t{0}),
        memory_{blocks_.size() * block_size * sizeof(T)} {
    empty_.reserve(blocks_.size());
  }
  ~slab() {
    for (entry_number n = next_used(0); n != no_entry; n = next_used(std::uint64_t{n} + 1)) std::destroy_at(&(*this)[n]);
  }
  slab(const slab&) = delete;
  slab& operator=(const slab&) = delete;

  T& operator[](entry_number n) noexcept { return *at(n); }
  const T& operator[](entry_number n) const noexcept { return *at(n); }

  /// The caller sees to it that at most `capacity` are in use.
  entry_number insert(T value) {
    while (room_[first_room_] == 0) ++first_room_;
    const std::size_t word = first_room_ * 64 + static_cast<std::size_t>(std::countr_zero(room_[first_room_]));
    const auto n = static_cast<entry_number>(word * 64 + static_cast<std::size_t>(std::countr_one(used_[word])));
    new (memory_.data() + n * sizeof(T)) T(std::move(value));
    used_[word] |= std::uint64_t{1} << n % 64;
    if (used_[word] == ~std::uint64_t{0}) room_[first_room_] &= room_[first_room_] - 1;
    ++blocks_[n / block_size].used;
    return n;
  }

  void erase(entry_number n) noexcept {
    std::destroy_at(at(n));
    const std::size_t word = n / 64;
    used_[word] &= ~(std::uint64_t{1} << n % 64);
    room_[word / 64] |= std::uint64_t{1} << word % 64;
    if (word / 64 < first_room_) first_room_ = word / 64;
    block& home = blocks_[n / block_size];
    if (--home.used != 0 || home.listed) return;
    home.listed = true;
    empty_.push_back(n / block_size);
  }

  /// The memory of empty blocks, until it is `limit` pages; false: there is no more.
  bool give_back(std::size_t limit) noexcept {
    for (std::size_t given = 0; given < limit && !empty_.empty(); empty_.pop_back()) {
      block& one = blocks_[empty_.back()];
      one.listed = false;
      if (one.used != 0) continue;  // again
      memory_.give_back(empty_.back() * pages_per_block, pages_per_block);
      given += pages_per_block;
    }
    return !empty_.empty();
  }

  /// The first number in use from `n` on; no_entry: none.
  entry_number next_used(std::uint64_t n) const noexcept {
    for (; n / 64 < used_.size(); n = (n / 64 + 1) * 64) {
      const std::uint64_t left = used_[n / 64] >> n % 64;
      if (left != 0) return static_cast<entry_number>(n + static_cast<unsigned>(std::countr_zero(left)));
    }
    return no_entry;
  }

 private:
  // As many words of 64 entries as fill whole pages.
  static constexpr std::size_t words_per_block = core::page_size / std::gcd(core::page_size, 64 * sizeof(T));
  static constexpr std::size_t block_size = words_per_block * 64;
  static constexpr std::size_t pages_per_block = block_size * sizeof(T) / core::page_size;
  static_assert(alignof(T) <= core::page_size);

  struct block {
    std::uint32_t used = 0;
    bool listed = false;  // in empty_
  };

  T* at(std::size_t n) const noexcept { return std::launder(reinterpret_cast<T*>(memory_.data() + n * sizeof(T))); }

  std::vector<block> blocks_;
  std::vector<std::uint64_t> used_;  // a bit per entry
  std::vector<std::uint64_t> room_;  // a bit per word of used_: has a free slot
  std::size_t first_room_ = 0;       // no word of room_ before this has a bit set
  std::vector<std::size_t> empty_;   // blocks that were empty, each once
  core::reserved_pages memory_;
};

}  // namespace omnilink::nat
