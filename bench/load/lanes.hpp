// Small messages on several connections at once. Each lane has one connection: it opens it, sends 64 bytes, waits until they
// have come back, and then goes on as it is told to.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/load/channel.hpp"

namespace omnilink::bench {

enum class then : std::uint8_t {
  close,  ///< and open the next one
  again,  ///< 64 bytes over the same connection
  hold,   ///< leave it open, and open the next one
};

struct lanes_options {
  route way;
  int lanes = 1;
  std::uint64_t count = 0;  ///< exchanges over all lanes, at most
  double seconds = 0;       ///< none begins later; 0: there is time
  then next = then::close;
  waits how = waits::asleep;
};

/// Nanoseconds of each exchange: from connect() on, or, on a connection that was kept, from the send on.
std::vector<std::uint64_t> run_lanes(const lanes_options& options);

}  // namespace omnilink::bench
