#include "nat/key_index.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace omnilink::nat {
namespace {

// An index that has held more than this gives pages back; below, they are not worth the faults.
constexpr std::size_t keep_below = 4096;

std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Odd constants without structure (fractions of the square roots of 2, 3, 5 and 7).
constexpr std::uint64_t k1 = 0x6a09e667f3bcc909, k2 = 0xbb67ae8584caa73b, k3 = 0x3c6ef372fe94f82b,
                        k4 = 0xa54ff53a5f1d36f1;

}  // namespace

// At most three quarters full.
key_index::key_index(std::size_t capacity, std::uint64_t seed)
    : mask_{std::bit_ceil(capacity + capacity / 3 + 1) - 1}, seed_{seed}, memory_{(mask_ + 1) * sizeof(cell)} {}

std::uint32_t key_index::tag_of(const core::flow_key& key) const noexcept {
  const auto source = key.source.address.to_v6(), local = key.local.address.to_v6();
  std::uint64_t word[4];
  std::memcpy(word, source.data(), sizeof source);
  std::memcpy(word + 2, local.data(), sizeof local);
  const std::uint64_t rest = std::uint64_t{key.source.port} << 48 | std::uint64_t{key.local.port} << 32 |
                             static_cast<std::uint64_t>(key.protocol) << 2 |
                             static_cast<std::uint64_t>(key.source.address.is_v6()) << 1 |
                             static_cast<std::uint64_t>(key.local.address.is_v6());
  std::uint64_t h = fold(word[0] ^ seed_, word[1] ^ std::rotl(seed_, 17) ^ k1);
  h = fold(h ^ word[2] ^ k2, word[3] ^ std::rotl(seed_, 31) ^ k3);
  h = fold(h ^ key.netns, rest ^ std::rotl(seed_, 47) ^ k4);
  return static_cast<std::uint32_t>(h ^ h >> 32);
}

void key_index::insert(std::uint32_t tag, entry_number n) noexcept {
  cell* const all = cells();
  std::size_t i = tag & mask_;
  while (all[i].number_plus_1 != 0) i = (i + 1) & mask_;
  all[i] = {tag, n + 1};
  peak_ = std::max(peak_, ++size_);
}

// Closes the gap: every cell behind it, up to the next empty one, moves up unless that would be before its
// home.
void key_index::erase(std::uint32_t tag, entry_number n) noexcept {
  cell* const all = cells();
  std::size_t gap = tag & mask_;
  while (all[gap].number_plus_1 != n + 1) gap = (gap + 1) & mask_;
  for (std::size_t i = (gap + 1) & mask_; all[i].number_plus_1 != 0; i = (i + 1) & mask_) {
    const std::size_t from_home = (i - all[i].tag) & mask_;
    if (from_home < ((i - gap) & mask_)) continue;
    all[gap] = all[i];
    gap = i;
  }
  all[gap] = {};
  --size_;
}

bool key_index::give_back(std::size_t limit) noexcept {
  const std::size_t pages = memory_.size() / core::page_size;
  if (peak_ <= keep_below || size_ > pages / 2 || size_ > peak_ / 2) return false;
  for (const std::size_t end = std::min(pages, next_page_ + limit); next_page_ < end; ++next_page_) {
    const std::byte* const page = memory_.data() + next_page_ * core::page_size;
    const bool is_empty = page[0] == std::byte{0} && std::memcmp(page, page + 1, core::page_size - 1) == 0;
    if (is_empty) memory_.give_back(next_page_, 1);
  }
  if (next_page_ < pages) return true;
  next_page_ = 0;
  peak_ = size_;
  return false;
}

}  // namespace omnilink::nat
