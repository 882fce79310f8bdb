// The cgroups that rules are about. Rules know a cgroup by its number, so they have to be written anew when it is removed and made
// again, as systemd does with every restart of a unit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "interceptor/ruleset_capture.hpp"
#include "io/descriptor.hpp"

namespace omnilink::interceptor {

class cgroup_watch {
 public:
  /// These from now on: paths below the root of the version 2 hierarchy or below its mount point, or names of units, found wherever
  /// they are.
  void watch(const std::vector<std::string>& wanted);
  /// Where that one is now, in nft's words.
  nft_cgroup find(const std::string& wanted) const;
  /// Readable when one may have come or gone; -1: none is watched.
  int fd() const noexcept { return changes_.get(); }
  /// Whether one has since watch(), or since this was asked last.
  bool changed();

 private:
  struct watched {
    std::string wanted, directory;  ///< without a directory: there is no such hierarchy
    std::uint64_t number = 0;       ///< 0: it is not there
  };
  void listen();
  std::vector<std::uint64_t> numbers();

  std::vector<watched> all_;
  io::descriptor changes_;
};

}  // namespace omnilink::interceptor
