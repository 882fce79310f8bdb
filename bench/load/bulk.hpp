// Connections that carry as much as they can, one way.
#pragma once

#include <cstdint>

#include "bench/load/channel.hpp"

namespace omnilink::bench {

struct bulk_options {
  route way;
  service what = service::sink;
  int lanes = 1;  ///< connections at once
  double seconds = 1;
};

/// How many bytes have come through in that time, all connections together.
std::uint64_t run_bulk(const bulk_options& options);

}  // namespace omnilink::bench
