#include "chain/chain.hpp"

#include <algorithm>

#include "core/nearest_word.hpp"

namespace omnilink::chain {
namespace {

constexpr core::nanoseconds timeout_min = std::chrono::milliseconds{100};
constexpr core::nanoseconds timeout_max = std::chrono::minutes{10};

bool in_range(core::nanoseconds timeout) noexcept {
  return timeout >= timeout_min && timeout <= timeout_max;
}

bool is_name_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
         c == '_';
}

}  // namespace

std::string validate_name(std::string_view name) {
  if (name.empty()) return "the name is empty";
  if (name.size() > name_max) return "the name is longer than " + std::to_string(name_max) + " bytes";
  if (name == "direct" || name == "reject")
    return core::quoted(name) + " is a word of its own; choose another name";
  if (!std::ranges::all_of(name, is_name_char)) {
    return core::quoted(name) + " is not a name: it is made of letters, digits, '.', '-' and '_'";
  }
  return {};
}

std::string chain::validate() const {
  if (hops.size() > hops_max) {
    return std::to_string(hops.size()) + " hops; a chain has at most " + std::to_string(hops_max);
  }
  for (const hop& h : hops) {
    const bool alone = h.kind == hop_kind::direct || h.kind == hop_kind::reject;
    if (alone && hops.size() > 1) return h.to_string() + " stands alone: leave out the other hops";
    if (std::string wrong = h.validate(); !wrong.empty()) return "hop " + core::quoted(h.name) + ": " + wrong;
  }
  for (std::size_t i = 1; i < hops.size(); ++i) {
    const std::string_view no = hops[i - 1].obstacle(hops[i].where);
    if (!no.empty()) return "hop " + core::quoted(hops[i - 1].name) + " cannot reach " + hops[i].to_string() + ": " + std::string{no};
  }
  return {};
}

std::string timeouts::validate() const {
  if (!in_range(chain)) return "chain_timeout is not between 100ms and 10m";
  if (!in_range(hop)) return "hop_timeout is not between 100ms and 10m";
  return {};
}

}  // namespace omnilink::chain
