// A rate and a burst, for limits: one number that several threads change without a lock. It is the instant
// at which the bucket will be full again (the generic cell rate algorithm of ITU-T I.371), so that nothing
// has to be refilled.
#pragma once

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdint>
#include <limits>

#include "core/clock.hpp"

namespace omnilink::core {

class token_bucket {
 public:
  /// Tokens of one call, or of a burst: so many nanoseconds per second still fit into 64 bits.
  static constexpr std::uint64_t tokens_max = std::uint64_t{1} << 32;

  /// `per_second` and `burst` are 1 to tokens_max. Full at first.
  token_bucket(std::uint64_t per_second, std::uint64_t burst) noexcept
      : per_second_{per_second}, burst_tokens_{burst}, burst_{time_of(burst)} {
    assert(per_second >= 1 && per_second <= tokens_max && burst >= 1 && burst <= tokens_max);
  }

  std::uint64_t burst() const noexcept { return burst_tokens_; }

  /// There are so many left; none is taken.
  bool has(std::uint64_t tokens, instant now) const noexcept {
    const std::int64_t at = now.time_since_epoch().count();
    return later(std::max(full_at_.load(std::memory_order_relaxed), at), time_of(tokens)) - at <= burst_;
  }
  bool is_full(instant now) const noexcept {
    return full_at_.load(std::memory_order_relaxed) <= now.time_since_epoch().count();
  }

  /// False: there are not so many left, and none is taken. For connections.
  bool take(std::uint64_t tokens, instant now) noexcept {
    const std::int64_t cost = time_of(tokens), at = now.time_since_epoch().count();
    std::int64_t full = full_at_.load(std::memory_order_relaxed);
    while (true) {
      const std::int64_t then = later(std::max(full, at), cost);
      if (then - at > burst_) return false;
      if (full_at_.compare_exchange_weak(full, then, std::memory_order_relaxed)) return true;
    }
  }

  /// Takes them in any case and says how long to wait before the next; for bytes that are already there.
  nanoseconds charge(std::uint64_t tokens, instant now) noexcept {
    const std::int64_t cost = time_of(tokens), at = now.time_since_epoch().count();
    std::int64_t full = full_at_.load(std::memory_order_relaxed);
    std::int64_t then = 0;
    do {
      then = later(std::max(full, at), cost);
    } while (!full_at_.compare_exchange_weak(full, then, std::memory_order_relaxed));
    return nanoseconds{std::max<std::int64_t>(0, then - at - burst_)};
  }

 private:
  static std::int64_t later(std::int64_t from, std::int64_t span) noexcept {
    constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
    return from > never - span ? never : from + span;
  }

  // Rounded up, so that the rate is never exceeded.
  std::int64_t time_of(std::uint64_t tokens) const noexcept {
    constexpr std::uint64_t second = 1'000'000'000;
    return static_cast<std::int64_t>((std::min(tokens, tokens_max) * second + per_second_ - 1) / per_second_);
  }

  const std::uint64_t per_second_;
  const std::uint64_t burst_tokens_;
  const std::int64_t burst_;
  std::atomic<std::int64_t> full_at_{std::numeric_limits<std::int64_t>::min()};
};

}  // namespace omnilink::core
