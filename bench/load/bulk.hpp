// One connection that carries as much as it can, one way.
#pragma once

#include <cstdint>

#include "bench/load/channel.hpp"

namespace omnilink::bench {

/// Until the target has said that it has all `bytes`.
void send_bulk(const route& way, std::uint64_t bytes);
/// Until all `bytes` have come.
void receive_bulk(const route& way, std::uint64_t bytes);

}  // namespace omnilink::bench
