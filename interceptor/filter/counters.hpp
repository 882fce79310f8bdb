// How often a filter matched, and when last. It outlives recompiling: the same id keeps its counts.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/clock.hpp"

namespace omnilink::interceptor::filter {

class filter_counters {
 public:
  void hit(core::instant now) noexcept {
    hits_.fetch_add(1, std::memory_order_relaxed);
    last_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  std::uint64_t hits() const noexcept { return hits_.load(std::memory_order_relaxed); }
  /// The epoch: never.
  core::instant last_hit() const noexcept {
    return core::instant{core::nanoseconds{last_.load(std::memory_order_relaxed)}};
  }

 private:
  std::atomic<std::uint64_t> hits_{0};
  std::atomic<std::int64_t> last_{0};
};

}  // namespace omnilink::interceptor::filter
