#include "actors/numbering.hpp"

namespace omnilink::actors {
namespace {

// As a chain's number `other`, of hops.
constexpr std::uint16_t other_hop = 0;

bool is_proxy(const chain::hop& which) noexcept {
  return which.kind != chain::hop_kind::direct && which.kind != chain::hop_kind::reject;
}

}  // namespace

numbering::numbering() {
  for (const char* name : {"", "direct", "reject", "other"}) chain_number(name);
  hops_.push_back({"other", ""});
}

way_numbers numbering::of(const chain::chain& way) {
  way_numbers out{chain_number(way.name), {}};
  for (const chain::hop& h : way.hops) {
    if (is_proxy(h)) out.hops.push_back(hop_number(h));
  }
  return out;
}

std::uint16_t numbering::chain_number(const std::string& name) {
  if (const auto found = known_chains_.find(name); found != known_chains_.end()) return found->second;
  if (chains_.size() >= names_max) return other;
  const auto fresh = static_cast<std::uint16_t>(chains_.size());
  chains_.push_back(name);
  known_chains_.emplace(name, fresh);
  return fresh;
}

std::uint16_t numbering::hop_number(const chain::hop& which) {
  hop_name name{which.name, which.to_string()};
  const std::string key = name.name + " " + name.url;
  if (const auto found = known_hops_.find(key); found != known_hops_.end()) return found->second;
  if (hops_.size() >= names_max) return other_hop;
  const auto fresh = static_cast<std::uint16_t>(hops_.size());
  hops_.push_back(std::move(name));
  known_hops_.emplace(key, fresh);
  return fresh;
}

}  // namespace omnilink::actors
