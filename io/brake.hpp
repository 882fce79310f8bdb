// Holds one direction of a connection to a rate: what has moved is charged, and nothing more is read before it is paid for. So the
// sender is slowed by TCP's own back-pressure. A bucket may be shared by many connections, of other workers too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "core/clock.hpp"
#include "core/token_bucket.hpp"
#include "io/deadlines.hpp"

namespace omnilink::io {

/// The slowest of them counts. Empty: no limit.
using buckets = std::span<core::token_bucket* const>;

class brake {
 public:
  /// At least one; they and what the span points to outlive it.
  explicit brake(buckets all) noexcept : all_{all} {}

  /// At most so many bytes are to be moved at once.
  std::size_t piece() const noexcept {
    std::uint64_t out = core::token_bucket::tokens_max;
    for (const core::token_bucket* one : all_) out = std::min(out, one->burst());
    return static_cast<std::size_t>(out);
  }

  /// So many bytes have moved.
  void charge(std::size_t count, core::instant now) noexcept {
    for (core::token_bucket* one : all_) until_ = std::max(until_, now + one->charge(count, now));
  }

  /// Nothing is to be read before.
  core::instant until() const noexcept { return until_; }

 private:
  const buckets all_;
  core::instant until_{};
};

/// One that pauses by a timer.
struct slowed {
  slowed(buckets all, deadlines& timers) : by{all}, pause{timers} {}
  brake by;
  deadlines::timer pause;
};

}  // namespace omnilink::io
