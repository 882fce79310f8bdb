// From a key to the filters whose blocks hold it: a prefix trie, flattened. Where the innermost block changes
// is kept in one sorted array, with coarser ones above it, so a look-up touches a cache line or two per
// level; then it walks outwards over the blocks that are really there, and nothing is chased through levels
// that hold no filter.
#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

#include "interceptor/filter/block.hpp"
#include "interceptor/filter/cursors.hpp"

namespace omnilink::interceptor::filter {

template <class Key>
class block_index {
 public:
  void add(Key first, unsigned free_bits, rank r) {
    pending_.push_back({first, static_cast<std::uint8_t>(free_bits), r});
  }

  /// After the last add().
  void finish() {
    std::sort(pending_.begin(), pending_.end(), [](const entry& a, const entry& b) {
      return std::tuple{a.first, b.free_bits, a.who} < std::tuple{b.first, a.free_bits, b.who};
    });
    std::vector<open_block> open;  // the blocks around the current one, outermost first
    for (std::size_t i = 0; i < pending_.size();) {
      const entry e = pending_[i];
      while (!open.empty() && open.back().last < e.first) close(open);
      const std::size_t from = ranks_.size();
      for (; i < pending_.size() && pending_[i].first == e.first && pending_[i].free_bits == e.free_bits;
           ++i) {
        ranks_.push_back(pending_[i].who);
      }
      const std::uint32_t up = open.empty() ? none : open.back().where;
      open.push_back({last_of(e.first, e.free_bits), 0, {rank_list::of(ranks_, from), up}});
      open.back().where = change(e.first, open.back().what, true);
    }
    while (!open.empty()) close(open);
    pending_ = {};
    if (!levels_.empty()) make_coarser_levels();
  }

  bool empty() const noexcept { return levels_.empty(); }
  void gather(Key k, cursors& out) const noexcept {
    for (std::uint32_t n = innermost(k); n != none; n = stretches_[n].up) out.add(ranks_, stretches_[n].who);
  }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  struct entry {
    Key first;
    std::uint8_t free_bits;
    rank who;
  };
  // From one change of the innermost block to the next.
  struct stretch {
    rank_list who;     // of the innermost block
    std::uint32_t up;  // a stretch of the next block around it
  };
  struct open_block {
    Key last;
    std::uint32_t where;
    stretch what;
  };
  static constexpr std::size_t top_max = 64;  // keys of the coarsest level
  static constexpr std::size_t fan_out = 16;  // keys of a level for one of the level above it

  // `is_block`: others will refer to it, so that it stays; of several at one key, the last is found.
  std::uint32_t change(Key from, const stretch& to, bool is_block) {
    if (levels_.empty()) levels_.emplace_back();
    auto& starts = levels_.front();
    if (!starts.empty() && starts.back() == from && !last_is_block_) {
      stretches_.back() = to;
    } else {
      starts.push_back(from);
      stretches_.push_back(to);
    }
    last_is_block_ = is_block;
    return static_cast<std::uint32_t>(stretches_.size() - 1);
  }

  void close(std::vector<open_block>& open) {
    const Key last = open.back().last;
    open.pop_back();
    if (is_largest(last)) return;
    change(next(last), open.empty() ? stretch{{}, none} : open.back().what, false);
  }

  void make_coarser_levels() {
    while (levels_.back().size() > top_max) {
      core::large_vector<Key> above;
      for (std::size_t i = 0; i < levels_.back().size(); i += fan_out) above.push_back(levels_.back()[i]);
      levels_.push_back(std::move(above));
    }
  }

  // The last of `count` sorted keys that is not above k; the first is not. Without branches to mispredict.
  static std::size_t last_not_above(const Key* keys, std::size_t count, Key k) noexcept {
    const Key* base = keys;
    while (count > 1) {
      const std::size_t half = count / 2;
      base = base[half] <= k ? base + half : base;
      count -= half;
    }
    return static_cast<std::size_t>(base - keys);
  }

  std::uint32_t innermost(Key k) const noexcept {
    if (levels_.empty() || k < levels_.front().front()) return none;
    std::size_t i = last_not_above(levels_.back().data(), levels_.back().size(), k);
    for (std::size_t l = levels_.size() - 1; l-- > 0;) {
      const std::size_t begin = i * fan_out;
      i = begin + last_not_above(levels_[l].data() + begin, std::min(fan_out, levels_[l].size() - begin), k);
    }
    return static_cast<std::uint32_t>(i);
  }

  std::vector<entry> pending_;
  std::vector<core::large_vector<Key>>
      levels_;  // the first: where each stretch begins; the others: every 16th of the one before
  core::large_vector<stretch> stretches_;
  core::large_vector<rank> ranks_;
  bool last_is_block_ = false;
};

}  // namespace omnilink::interceptor::filter
