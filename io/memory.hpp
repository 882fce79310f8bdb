// How much memory there is for this process, and how much of it is in use. Each question is one or two small reads of /proc or
// /sys: cheap enough to ask several times a second.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace omnilink::io {

/// What is in use of some limit, in bytes.
struct memory_use {
  std::uint64_t used = 0;
  std::uint64_t limit = 0;
};

/// Resident memory of this process (proc(5), statm); 0: not known.
std::uint64_t resident_memory() noexcept;

/// Of the machine.
std::uint64_t physical_memory() noexcept;

/// The tightest limit over the process's control group (cgroup v2, memory.max), with what counts against it: the processes' memory
/// and the kernel's for them, socket buffers too, without files that the kernel can drop.
class memory_group {
 public:
  /// Looks for it once, below `groups`, where `self` says.
  explicit memory_group(const std::string& groups = "/sys/fs/cgroup", const std::string& self = "/proc/self/cgroup");
  /// nullopt: there is no limit.
  std::optional<memory_use> use() const noexcept;

 private:
  std::string folder_;  // of the group with the limit; empty: none
};

}  // namespace omnilink::io
