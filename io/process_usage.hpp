// What this process takes of the machine, by the kernel's own account (proc(5), getrusage(2)).
#pragma once

#include <cstdint>
#include <optional>

namespace omnilink::io {

struct process_usage {
  double cpu_seconds = 0;  ///< user and system
  std::uint64_t resident_bytes = 0;
  std::uint64_t descriptors_max = 0;
  std::optional<std::uint64_t> descriptors;  ///< none where the process may not look at itself, having changed its user
};

/// Reads /proc: not for a worker.
process_usage usage_of_this_process();

}  // namespace omnilink::io
