// Where a shard's entries live: slots with stable numbers and addresses, in chunks that are freed when they
// are empty. The lowest free number is taken first, so that a table that shrinks empties its upper chunks.
// One cost is not ours to bound: freeing the last chunk of a burst can make glibc give its whole heap back in
// one step (9 ms for 1 M flows; 0.2 ms with glibc.malloc.trim_threshold raised).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace omnilink::nat {

using entry_number = std::uint32_t;
inline constexpr entry_number no_entry = 0xffffffff;

template <class T>
class slab {
 public:
  explicit slab(std::size_t capacity)
      : chunks_((capacity + chunk_size - 1) / chunk_size),
        room_((chunks_.size() + 63) / 64, ~std::uint64_t{0}) {}
  ~slab() {
    for (entry_number n = next_used(0); n != no_entry; n = next_used(0)) erase(n);
  }
  slab(const slab&) = delete;
  slab& operator=(const slab&) = delete;

  T& operator[](entry_number n) noexcept { return *chunks_[n / chunk_size]->at(n % chunk_size); }
  const T& operator[](entry_number n) const noexcept { return *chunks_[n / chunk_size]->at(n % chunk_size); }

  /// The caller sees to it that at most `capacity` are in use.
  entry_number insert(T value) {
    while (room_[first_room_] == 0) ++first_room_;
    const std::size_t c = first_room_ * 64 + static_cast<std::size_t>(std::countr_zero(room_[first_room_]));
    if (!chunks_[c]) chunks_[c].reset(new chunk);  // not make_unique: it would clear 16 KiB
    chunk& home = *chunks_[c];
    const auto i = static_cast<std::size_t>(std::countr_one(home.used));
    new (home.storage + i * sizeof(T)) T(std::move(value));
    home.used |= std::uint64_t{1} << i;
    if (home.used == ~std::uint64_t{0}) room_[first_room_] &= room_[first_room_] - 1;
    return static_cast<entry_number>(c * chunk_size + i);
  }

  void erase(entry_number n) noexcept {
    const std::size_t c = n / chunk_size;
    chunk& home = *chunks_[c];
    home.at(n % chunk_size)->~T();
    home.used &= ~(std::uint64_t{1} << n % chunk_size);
    if (home.used == 0) chunks_[c].reset();
    room_[c / 64] |= std::uint64_t{1} << c % 64;
    if (c / 64 < first_room_) first_room_ = c / 64;
  }

  /// The first number in use from `n` on; no_entry: none.
  entry_number next_used(std::uint64_t n) const noexcept {
    for (; n / chunk_size < chunks_.size(); n = (n / chunk_size + 1) * chunk_size) {
      const auto& home = chunks_[n / chunk_size];
      const std::uint64_t left = home ? home->used >> n % chunk_size : 0;
      if (left != 0) return static_cast<entry_number>(n + static_cast<unsigned>(std::countr_zero(left)));
    }
    return no_entry;
  }

 private:
  static constexpr std::size_t chunk_size = 64;  // one mask word

  struct chunk {
    std::uint64_t used = 0;
    alignas(T) std::byte storage[chunk_size * sizeof(T)];
    T* at(std::size_t i) noexcept { return std::launder(reinterpret_cast<T*>(storage + i * sizeof(T))); }
  };

  std::vector<std::unique_ptr<chunk>> chunks_;
  std::vector<std::uint64_t> room_;  // a bit per chunk: has a free slot
  std::size_t first_room_ = 0;       // no word of room_ before this has a bit set
};

}  // namespace omnilink::nat
