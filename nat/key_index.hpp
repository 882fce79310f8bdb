// Finds an entry by its full key: a flat table of eight-byte cells, linear probing, no tombstones. It has its
// final size from the first insert on and its pages are touched only where used, so no insert ever pays for a
// rehash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "core/flow_key.hpp"
#include "nat/slab.hpp"

namespace omnilink::nat {

class key_index {
 public:
  /// `seed` should be unknown to those who choose the keys, who could otherwise make them collide.
  key_index(std::size_t capacity, std::uint64_t seed) noexcept;

  std::uint32_t tag_of(const core::flow_key& key) const noexcept;

  /// The entry with this tag for which `same(number)` is true; no_entry: none.
  template <class Same>
  entry_number find(std::uint32_t tag, Same same) const noexcept {
    if (!cells_) return no_entry;
    for (std::size_t i = tag & mask_; cells_[i].number_plus_1 != 0; i = (i + 1) & mask_) {
      if (cells_[i].tag == tag && same(cells_[i].number_plus_1 - 1)) return cells_[i].number_plus_1 - 1;
    }
    return no_entry;
  }

  /// The caller sees to it that at most `capacity` are in it, each once. Throws std::bad_alloc.
  void insert(std::uint32_t tag, entry_number n);
  void erase(std::uint32_t tag, entry_number n) noexcept;

 private:
  struct cell {
    std::uint32_t tag;
    entry_number number_plus_1;  // 0: empty, as calloc leaves it
  };
  struct free_cells {
    void operator()(cell* cells) const noexcept { std::free(cells); }
  };

  std::size_t mask_;
  std::uint64_t seed_;
  std::size_t size_ = 0;
  std::size_t peak_ = 0;  // since the cells were allocated
  std::unique_ptr<cell[], free_cells> cells_;
};

}  // namespace omnilink::nat
