// The path of a control group by its id, as the kernel says it of a socket. Of the version 2 hierarchy.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "core/clock.hpp"

namespace omnilink::interceptor {

/// One thread at a time. Blocks while it walks the hierarchy, at most once a second.
class cgroup_paths {
 public:
  cgroup_paths();
  /// "/system.slice/nginx.service"; empty: unknown, or it is gone.
  std::string find(std::uint64_t id);
  /// Where the version 2 hierarchy is mounted; empty: nowhere.
  const std::string& root() const noexcept { return root_; }

 private:
  void walk();

  std::string root_;
  std::unordered_map<std::uint64_t, std::string> known_;
  core::instant next_walk_{};
};

}  // namespace omnilink::interceptor
