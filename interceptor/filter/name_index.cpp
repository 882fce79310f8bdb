#include "interceptor/filter/name_index.hpp"

#include <algorithm>

namespace omnilink::interceptor::filter {
namespace {

// Calls give(owner, list) for each owner of pairs, whose ranks go into one array.
template <class Give>
void into_lists(std::vector<std::pair<std::uint32_t, rank>>& pairs, core::large_vector<rank>& ranks, Give give) {
  std::sort(pairs.begin(), pairs.end());
  for (std::size_t i = 0; i < pairs.size();) {
    const std::uint32_t owner = pairs[i].first;
    const std::size_t from = ranks.size();
    for (; i < pairs.size() && pairs[i].first == owner; ++i) ranks.push_back(pairs[i].second);
    give(owner, rank_list::of(ranks, from));
  }
  pairs = {};
}

}  // namespace

bool name_index::can_hold(const text_pattern& p) noexcept {
  return p.how != text_pattern::kind::prefix && p.how != text_pattern::kind::glob;
}

std::uint32_t name_index::make_node(std::string_view name) {
  suffix_hash h;
  std::uint32_t above = none;
  for (std::size_t i = name.size(); i-- > 0;) {
    h.extend(name[i]);
    if (i > 0 && name[i - 1] != '.') continue;
    const std::uint32_t n = nodes_.insert(name.substr(i), h.value());
    nodes_[n].up = above;
    above = n;
  }
  return above;
}

void name_index::add(const text_pattern& p, rank r) {
  const std::uint32_t n = make_node(p.text);
  if (p.how != text_pattern::kind::below) pending_exact_.emplace_back(n, r);
  if (p.how != text_pattern::kind::exact) pending_below_.emplace_back(n, r);
}

void name_index::finish() {
  nodes_.finish();
  into_lists(pending_exact_, ranks_, [&](std::uint32_t n, rank_list who) { nodes_[n].exact = who; });
  into_lists(pending_below_, ranks_, [&](std::uint32_t n, rank_list who) { nodes_[n].below = who; });
  // What is above a node was made before it.
  for (std::uint32_t n = 0; n < nodes_.size(); ++n) {
    const std::uint32_t above = nodes_[n].up;
    if (above != none && nodes_[above].below.empty()) nodes_[n].up = nodes_[above].up;
  }
}

void name_index::gather(std::string_view host, cursors& out) const noexcept {
  suffix_hash h;
  std::uint32_t last = none;
  bool is_whole = true;
  for (std::size_t i = host.size(); i-- > 0;) {
    h.extend(host[i]);
    if (i > 0 && host[i - 1] != '.') continue;
    const std::uint32_t n = nodes_.find(host.substr(i), h.value());
    if (n == none) {
      is_whole = false;
      break;
    }
    last = n;
  }
  if (last == none) return;
  out.add(ranks_, is_whole ? nodes_[last].exact : nodes_[last].below);
  for (std::uint32_t n = nodes_[last].up; n != none; n = nodes_[n].up) out.add(ranks_, nodes_[n].below);
}

void text_index::finish() {
  texts_.finish();
  into_lists(pending_, ranks_, [&](std::uint32_t n, rank_list who) { texts_[n] = who; });
}

}  // namespace omnilink::interceptor::filter
