// Which chain a connection takes. Pure: the chains are immutable, the target is an argument.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chain/chain.hpp"
#include "core/endpoint.hpp"

namespace omnilink::chain {

struct routed {
  const chain* way;  ///< never null; belongs to the router or to its chains
};

class router {
 public:
  /// `chains` must outlive the router. Of the sandboxes' loopback only these ports lead out, to the host's.
  router(const std::vector<chain>& chains, std::vector<std::uint16_t> host_loopback_ports);

  /// Without rules: the only chain, or direct if there is none. From the sandbox, a loopback address is the host's own and
  /// goes there directly, never through a chain, whose last hop would take it for itself; any other port of
  /// it is rejected.
  routed route(const core::target& where, bool via_sandbox) const noexcept;

  // For rules, which choose by name.
  /// nullptr: there is no such chain.
  const chain* named(std::string_view name) const noexcept;
  /// The way that needs no choice: the only chain, or direct; nullptr: there are several.
  const chain* only() const noexcept;
  const chain& direct() const noexcept { return direct_; }
  const chain& reject() const noexcept { return reject_; }

 private:
  const std::vector<chain>& chains_;
  const std::vector<std::uint16_t> host_loopback_ports_;
  const chain direct_;
  const chain reject_;
};

/// Empty: a router can choose among these chains, by rules where there are any; otherwise what is wrong and the
/// remedy, in one line.
std::string validate_chains(const std::vector<chain>& chains, bool has_rules);

}  // namespace omnilink::chain
