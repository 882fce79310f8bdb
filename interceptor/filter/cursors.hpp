// The filters that may match, heaviest first: sorted lists of ranks, merged as they are read.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "core/large_pages.hpp"

namespace omnilink::interceptor::filter {

/// A filter's place in its sublayer; 0 is the heaviest.
using rank = std::uint32_t;
inline constexpr rank no_rank = ~rank{0};

/// Part of an index's array of ranks; or, since most lists are of one, that rank itself, which spares a look
/// elsewhere.
struct rank_list {
  static constexpr std::uint32_t single = ~std::uint32_t{0};
  std::uint32_t begin = 0, end = 0;
  bool empty() const noexcept { return begin == end; }
  /// The array from `from` on, which is cut back where one rank fits the list itself.
  static rank_list of(core::large_vector<rank>& ranks, std::size_t from) {
    if (ranks.size() != from + 1)
      return {static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(ranks.size())};
    const rank only = ranks.back();
    ranks.pop_back();
    return {only, single};
  }
};

class cursors {
 public:
  /// An index gives one list per block or label around a value. The longest chains: two addresses of 128
  /// bits, two ports of 16, protocol 8, pid, uid and gid of 32, netns 64, time 14, a host of 127 labels, each
  /// with one more for "any"; five texts; and the filters that no index holds. That makes 614.
  static constexpr std::size_t max = 640;

  cursors() = default;
  /// What lies at `base + rank * stride` will be wanted soon, so it is fetched while other lists are looked
  /// up.
  cursors(const void* base, std::size_t stride) noexcept
      : base_{static_cast<const char*>(base)}, stride_{stride} {}

  /// Both must stay where they are.
  void add(const core::large_vector<rank>& ranks, const rank_list& list) noexcept {
    if (list.empty()) return;
    if (list.end == rank_list::single) return add(&list.begin, &list.begin + 1);
    add(ranks.data() + list.begin, ranks.data() + list.end);
  }
  void add(const rank* begin, const rank* end) noexcept {
    assert(count_ < max);
    if (begin == end) return;
    if (base_) __builtin_prefetch(base_ + *begin * stride_);
    items_[count_++] = {begin, end};
  }
  bool empty() const noexcept { return count_ == 0; }

  /// The lowest rank that was not returned yet; no_rank: none is left. A rank in several lists comes once.
  rank next() noexcept {
    rank lowest = no_rank;
    for (std::size_t i = 0; i < count_; ++i) lowest = *items_[i].at < lowest ? *items_[i].at : lowest;
    for (std::size_t i = 0; i < count_;) {
      if (*items_[i].at == lowest && ++items_[i].at == items_[i].end) {
        items_[i] = items_[--count_];
      } else {
        ++i;
      }
    }
    return lowest;
  }

 private:
  struct item {
    const rank* at;
    const rank* end;
  };
  const char* base_ = nullptr;
  std::size_t stride_ = 0;
  std::size_t count_ = 0;
  std::array<item, max> items_;  // the first count_; the others are never touched
};

}  // namespace omnilink::interceptor::filter
