// Small messages on several connections at once. Each lane has one connection: it opens it, sends 64 bytes, waits until they
// have come back, and then either does so again or closes it and opens the next one.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/load/channel.hpp"

namespace omnilink::bench {

struct lanes_options {
  route way;
  int lanes = 1;
  std::uint64_t count = 0;  ///< exchanges over all lanes
  bool keep = false;        ///< further exchanges go over the same connection
  waits how = waits::asleep;
};

/// Nanoseconds of each exchange: from connect() on, or, on a connection that was kept, from the send on.
std::vector<std::uint64_t> run_lanes(const lanes_options& options);

}  // namespace omnilink::bench
