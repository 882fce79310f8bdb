// From a host name to the filters that name it or what is above it: a trie of labels from the right. Its
// edges are hashes of whole suffixes, so that a step is one probe of a flat table, and a name that nobody
// named ends the walk at its first unknown label.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "interceptor/filter/condition.hpp"
#include "interceptor/filter/cursors.hpp"
#include "interceptor/filter/string_table.hpp"

namespace omnilink::interceptor::filter {

class name_index {
 public:
  static bool can_hold(const text_pattern& p) noexcept;
  void add(const text_pattern& p, rank r);
  /// After the last add().
  void finish();
  void gather(std::string_view host, cursors& out) const noexcept;

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  using pairs = std::vector<std::pair<std::uint32_t, rank>>;  // node, filter
  struct node {
    rank_list exact;          // who named it itself
    rank_list below;          // who named everything below it
    std::uint32_t up = none;  // the next node above that somebody named everything below of
  };

  std::uint32_t make_node(std::string_view name);

  string_table<node> nodes_;  // by suffix
  core::large_vector<rank> ranks_;
  pairs pending_exact_, pending_below_;
};

/// From a whole text to the filters that name it.
class text_index {
 public:
  static bool can_hold(const text_pattern& p) noexcept { return p.how == text_pattern::kind::exact; }
  void add(const text_pattern& p, rank r) {
    pending_.emplace_back(texts_.insert(p.text, suffix_hash::of(p.text)), r);
  }
  void finish();
  void gather(std::string_view text, cursors& out) const noexcept {
    if (const std::uint32_t n = texts_.find(text, suffix_hash::of(text)); n != texts_.none)
      out.add(ranks_, texts_[n]);
  }

 private:
  string_table<rank_list> texts_;
  core::large_vector<rank> ranks_;
  std::vector<std::pair<std::uint32_t, rank>> pending_;
};

}  // namespace omnilink::interceptor::filter
