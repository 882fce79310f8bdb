// The one clock of omnilink: monotonic, 64-bit nanoseconds (invariant 7). Pure rooms take an `instant` as an argument
// and never call now().
#pragma once

#include <chrono>
#include <cstdint>

namespace omnilink::core {

struct clock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<clock>;
  static constexpr bool is_steady = true;

  /// CLOCK_MONOTONIC, by way of the standard library.
  static time_point now() noexcept {
    return time_point{std::chrono::duration_cast<duration>(std::chrono::steady_clock::now().time_since_epoch())};
  }
};

using instant = clock::time_point;
using nanoseconds = std::chrono::nanoseconds;

/// For logs and answers; truncates.
constexpr std::int64_t to_milliseconds(nanoseconds d) noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

}  // namespace omnilink::core
