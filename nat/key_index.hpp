// Finds an entry by its full key: a flat table of eight-byte cells, linear probing, no tombstones. It has its
// final size from the start, and its pages take memory only where used, so no insert ever pays for a rehash.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/flow_key.hpp"
#include "core/reserved_pages.hpp"
#include "nat/slab.hpp"

namespace omnilink::nat {

class key_index {
 public:
  /// `seed` should be unknown to those who choose the keys, who could otherwise make them collide. Throws std::bad_alloc.
  key_index(std::size_t capacity, std::uint64_t seed);

  std::uint32_t tag_of(const core::flow_key& key) const noexcept;

  /// The entry with this tag for which `same(number)` is true; no_entry: none.
  template <class Same>
  entry_number find(std::uint32_t tag, Same same) const noexcept {
    const cell* const all = cells();
    for (std::size_t i = tag & mask_; all[i].number_plus_1 != 0; i = (i + 1) & mask_) {
      if (all[i].tag == tag && same(all[i].number_plus_1 - 1)) return all[i].number_plus_1 - 1;
    }
    return no_entry;
  }

  /// The caller sees to it that at most `capacity` are in it, each once.
  void insert(std::uint32_t tag, entry_number n) noexcept;
  void erase(std::uint32_t tag, entry_number n) noexcept;
  /// The memory of an index that has held many and holds few: looks at no more than `limit` pages; false: there are no more.
  bool give_back(std::size_t limit) noexcept;

 private:
  struct cell {
    std::uint32_t tag;
    entry_number number_plus_1;  // 0: empty, as new pages are
  };

  cell* cells() const noexcept { return reinterpret_cast<cell*>(memory_.data()); }

  std::size_t mask_;
  std::uint64_t seed_;
  std::size_t size_ = 0;
  std::size_t peak_ = 0;       // since all that could be was given back
  std::size_t next_page_ = 0;  // to be given back
  core::reserved_pages memory_;
};

}  // namespace omnilink::nat
