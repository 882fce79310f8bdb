// What one worker counts: plain numbers in arrays, touched by that worker only, copied when somebody asks.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "actors/numbering.hpp"
#include "actors/trip_report.hpp"
#include "core/clock.hpp"
#include "core/verdict.hpp"

namespace omnilink::actors {

inline constexpr std::size_t codes = static_cast<std::size_t>(core::errc::internal) + 1;
inline constexpr std::size_t steps = static_cast<std::size_t>(core::step::relay) + 1;

/// Number by number; the shorter one counts as if it ended in zeros.
template <class T>
void add(std::vector<T>& to, const std::vector<T>& more) {
  if (to.size() < more.size()) to.resize(more.size());
  for (std::size_t i = 0; i < more.size(); ++i) to[i] += more[i];
}

/// `Bounds` are the buckets' upper ends, rising: at most a few between one power of two and the next.
template <const auto& Bounds>
struct histogram {
  std::array<std::uint64_t, std::size(Bounds) + 1> counts{};  ///< per bucket, not cumulative; the last one has no end
  core::nanoseconds sum{0};

  void add(core::nanoseconds value) noexcept {
    const auto count = static_cast<std::uint64_t>(std::max<core::nanoseconds::rep>(value.count(), 0));
    std::size_t bucket = first_bucket[static_cast<std::size_t>(std::bit_width(count))];
    while (bucket < std::size(Bounds) && Bounds[bucket] < value) ++bucket;
    ++counts[bucket];
    sum += value;
  }
  histogram& operator+=(const histogram& more) noexcept {
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += more.counts[i];
    sum += more.sum;
    return *this;
  }

 private:
  // Where to begin to look for a value that is so many bits wide: several are counted per connection, and a search costs more.
  static constexpr std::array<std::uint8_t, 65> first_bucket = [] {
    std::array<std::uint8_t, 65> out{};
    std::uint8_t bucket = 0;
    for (std::size_t width = 1; width < out.size(); ++width) {
      while (bucket < std::size(Bounds) && static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(Bounds[bucket].count()))) < width) ++bucket;
      out[width] = bucket;
    }
    return out;
  }();
};

using namespace std::chrono_literals;
/// From a loopback hop to one on the other side of the world that has trouble.
inline constexpr std::array<core::nanoseconds, 13> step_bounds{500us, 1ms,   2500us, 5ms, 10ms,   25ms, 50ms,
                                                               100ms, 250ms, 500ms,  1s,  2500ms, 10s};
/// From one request to a connection that stays.
inline constexpr std::array<core::nanoseconds, 10> life_bounds{10ms, 100ms, 500ms, 1s, 5s, 15s, 1min, 5min, 30min, 2h};

struct chain_tally {
  std::array<std::array<std::uint64_t, steps>, codes> finished{};
  std::uint64_t up = 0;  ///< bytes of the connections that have ended
  std::uint64_t down = 0;
  histogram<step_bounds> dial;  ///< of those that succeeded
  histogram<life_bounds> life;
  chain_tally& operator+=(const chain_tally& more) noexcept;
};

struct hop_tally {
  histogram<step_bounds> connect, tls, request;
  hop_tally& operator+=(const hop_tally& more) noexcept;
};

struct tally {
  std::vector<std::uint64_t> accepted;  ///< by place_of() a listener
  std::uint64_t accept_pauses = 0;
  std::vector<chain_tally> chains;  ///< by their numbers, as are …
  std::vector<hop_tally> hops;

  /// The sandbox's, way_in::unnamed, is the first.
  static constexpr std::size_t place_of(std::size_t listener) noexcept { return listener + 1; }
  /// Before a chain or hop of these numbers is counted.
  void make_room(std::size_t chain_numbers, std::size_t hop_numbers);
  void ended(const way_numbers& way, const trip_report& trip) noexcept;
  tally& operator+=(const tally& more);
};

}  // namespace omnilink::actors
