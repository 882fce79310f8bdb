// Who opened a connection: what is known of the program behind it. Caught when it connects, or asked for afterwards
// (interceptor/attribution.hpp); what nobody can say stays unknown, and is never guessed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace omnilink::core {

struct program {
  std::optional<std::uint32_t> pid;  ///< as the service's PID namespace counts
  std::optional<std::uint32_t> uid, gid;
  std::string exe;      ///< absolute path; empty: unknown, like the next two
  std::string process;  ///< short name, at most 15 bytes (PR_SET_NAME of the process's leader)
  std::string cgroup;   ///< path below the root of the version 2 hierarchy: "/system.slice/nginx.service"
  std::uint64_t netns = 0;  ///< the network namespace's cookie (SO_NETNS_COOKIE); 0: the one that omnilink was started in

  friend bool operator==(const program&, const program&) = default;
};

/// Null: nothing is known. Shared, since every connection of a program has the same one.
using program_ptr = std::shared_ptr<const program>;

}  // namespace omnilink::core
