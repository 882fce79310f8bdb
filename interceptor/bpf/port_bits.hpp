// Ports as the programs have them.
#pragma once

#include <linux/types.h>

#include <vector>

#include "core/capture.hpp"

namespace omnilink::interceptor::bpf {

/// A bit for each port that is in one of these.
inline void set_bits(const std::vector<core::port_range>& ports, __u64 (&bits)[65536 / 64]) noexcept {
  for (const auto& range : ports) {
    for (std::uint32_t port = range.first; port <= range.last; ++port) bits[port / 64] |= 1ull << (port % 64);
  }
}

}  // namespace omnilink::interceptor::bpf
