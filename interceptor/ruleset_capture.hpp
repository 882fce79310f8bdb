// What netd tells netfilter for listeners that the kernel brings their connections, as text for libnftables. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/capture.hpp"

namespace omnilink::interceptor {

/// The names are fixed: whoever cleans up must know them, and two services in one network namespace would undo each other.
inline constexpr const char* capture_table = "inet omnilink";
inline constexpr const char* guard_table = "inet omnilink_guard";

/// A cgroup as nft is told of it.
struct nft_cgroup {
  unsigned level = 0;  ///< below the hierarchy's root; 0: there is no such cgroup now
  std::string path;    ///< from /sys/fs/cgroup
};

/// A listener and what the kernel brings it.
struct interception {
  core::capture what;
  std::uint16_t port = 0;    ///< of the listener, the same for IPv4 and IPv6
  bool fail_closed = true;
  core::mechanism by = core::mechanism::redirect;
  bool reject_udp = false;
  nft_cgroup cgroup{};       ///< of what.cgroup, where that is not empty
};

/// Whose own connections are never captured: both must match.
struct exemption {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

/// The capture table, without what replaces an older one. It belongs to the netlink socket that loads it and goes with
/// it, however that process ends.
std::string capture_ruleset(std::span<const interception> all, const exemption& own);

/// Chains that reject UDP which meets those with reject_udp: the guard's for fail_closed, else the capture table's. Empty: there is none.
std::string udp_chains(std::span<const interception> all, const exemption& own, bool fail_closed);

/// The same table of a service that takes nothing new: what its running connections need.
std::string withdrawn_ruleset(std::span<const interception> all, const exemption& own);

/// The guard table: rejects what those with fail_closed would have taken, and lets no packet of a connection out that was theirs.
/// Belongs to nobody, so it outlives every process. Empty where nothing is to be guarded.
std::string guard_ruleset(std::span<const interception> all, const exemption& own);

}  // namespace omnilink::interceptor
