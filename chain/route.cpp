#include "chain/route.hpp"

#include <algorithm>

#include "core/nearest_word.hpp"

namespace omnilink::chain {
namespace {

chain built_in(std::string name, hop_kind kind) {
  chain out;
  hop only;
  only.name = name;
  only.kind = kind;
  out.name = std::move(name);
  out.hops.push_back(std::move(only));
  return out;
}

}  // namespace

router::router(const std::vector<chain>& chains, std::vector<std::uint16_t> host_loopback_ports)
    : chains_{chains},
      host_loopback_ports_{std::move(host_loopback_ports)},
      direct_{built_in("direct", hop_kind::direct)},
      reject_{built_in("reject", hop_kind::reject)} {}

routed router::route(const core::target& where, bool via_sandbox) const noexcept {
  if (via_sandbox && !where.is_name() && where.address.is_loopback()) {
    const bool is_hosts = std::ranges::find(host_loopback_ports_, where.port) != host_loopback_ports_.end();
    return {is_hosts ? &direct_ : &reject_};
  }
  return {chains_.empty() ? &direct_ : &chains_.front()};
}

const chain* router::named(std::string_view name) const noexcept {
  const auto found = std::ranges::find(chains_, name, &chain::name);
  return found == chains_.end() ? nullptr : &*found;
}

const chain* router::only() const noexcept {
  if (chains_.size() > 1) return nullptr;
  return chains_.empty() ? &direct_ : &chains_.front();
}

std::string validate_chains(const std::vector<chain>& chains, bool has_rules) {
  if (chains.size() > 1 && !has_rules) {
    return "several chains (" + core::quoted(chains[0].name) + ", " + core::quoted(chains[1].name) +
           ") and nothing that chooses among them: add [[rule]]s, or leave one chain";
  }
  for (auto c = chains.begin(); c != chains.end(); ++c) {
    if (std::any_of(chains.begin(), c, [&](const chain& other) { return other.name == c->name; }))
      return "two chains with the name " + core::quoted(c->name);
    if (std::string wrong = c->validate(); !wrong.empty()) return wrong;
  }
  return {};
}

}  // namespace omnilink::chain
