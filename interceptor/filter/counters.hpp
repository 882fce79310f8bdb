// How often a filter matched, and when last. It outlives recompiling: the same id keeps its counts.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/clock.hpp"
#include "core/large_pages.hpp"

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

/// Makes the counters of many filters in few pieces of memory; a piece stays for as long as one of its counters is wanted.
class counter_pool {
 public:
  std::shared_ptr<filter_counters> make() {
    if (!piece_ || used_ == piece_->size()) {
      piece_ = std::make_shared<core::large_vector<filter_counters>>(piece_ ? std::min(piece_->size() * 2, most) : least);
      used_ = 0;
    }
    return {piece_, &(*piece_)[used_++]};
  }

 private:
  static constexpr std::size_t least = 16, most = 64 * 1024;
  std::shared_ptr<core::large_vector<filter_counters>> piece_;
  std::size_t used_ = 0;
};

}  // namespace omnilink::interceptor::filter
