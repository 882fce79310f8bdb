// Who is let in: the limits that count over all workers, and what each connection holds of them (D4, D5). Whoever is turned away
// is reset at once and costs nothing more; while memory is short nobody is, new ones wait in the listen queues.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>

#include "actors/configuration.hpp"
#include "actors/source_counts.hpp"

namespace omnilink::actors {

/// What a connection was one too many for.
enum class over_limit : std::uint8_t { none, connections, connections_of_source, handshakes, handshakes_of_source };
inline constexpr std::size_t over_limits = static_cast<std::size_t>(over_limit::handshakes_of_source) + 1;
/// The key of [service] that it exceeded.
const char* name_of(over_limit which) noexcept;

/// Random early drop, as OpenSSH's MaxStartups does it: below half of `most` never, at `most` always, and between with a
/// probability that begins at 30 % and rises evenly. So whoever fills the table meets its own drops long before it is full, and an
/// honest client that tries again gets in. `random` is evenly spread over 0 to 2^32 - 1.
bool drops_early(std::uint32_t handshakes, std::uint32_t most, std::uint32_t random) noexcept;

class admission {
 public:
  /// `connections` is where they are counted.
  explicit admission(std::atomic<std::uint32_t>& connections) : connections_{connections} {}

  /// A connection's place among the others; given back with its end.
  class place {
   public:
    place() = default;
    place(place&& other) noexcept : owner_{std::exchange(other.owner_, nullptr)}, source_{other.source_}, handshake_{other.handshake_}, counted_{other.counted_} {}
    place& operator=(place&&) = delete;
    ~place();
    /// The client has said what it wants.
    void end_handshake() noexcept;

   private:
    friend class admission;
    admission* owner_ = nullptr;
    source_counts::key source_ = 0;
    bool handshake_ = false;         ///< one of all unfinished ones
    source_counts::counts counted_;  ///< what the table of sources has of it
  };
  struct decision {
    over_limit over = over_limit::none;
    place held;  ///< when `over` is none
  };

  /// On any worker. `asks_client`: it must say where it wants to go before anything else happens.
  decision decide(const core::address& source, bool asks_client, const service_settings& settings, std::minstd_rand& random);

  /// For now memory is spoken for.
  bool must_wait() const noexcept { return connections_.load(std::memory_order_relaxed) >= memory_for_.load(std::memory_order_relaxed); }
  /// So many connections may be open until this is called again.
  void allow(std::uint32_t connections) noexcept { memory_for_.store(connections, std::memory_order_relaxed); }

  /// Connections at once since since_now(); within those that workers admit at the same moment.
  std::uint32_t most() const noexcept { return most_.load(std::memory_order_relaxed); }
  void since_now() noexcept { most_.store(connections_.load(std::memory_order_relaxed), std::memory_order_relaxed); }

  std::uint32_t handshakes() const noexcept { return handshakes_.load(std::memory_order_relaxed); }
  const source_counts& by_source() const noexcept { return by_source_; }
  std::uint64_t turned_away(over_limit why) const noexcept { return turned_away_[static_cast<std::size_t>(why)].load(std::memory_order_relaxed); }

 private:
  decision refuse(over_limit why) noexcept;

  std::atomic<std::uint32_t>& connections_;
  std::atomic<std::uint32_t> most_{0};
  std::atomic<std::uint32_t> handshakes_{0};
  std::atomic<std::uint32_t> memory_for_{std::numeric_limits<std::uint32_t>::max()};
  source_counts by_source_;
  std::array<std::atomic<std::uint64_t>, over_limits> turned_away_{};
};

}  // namespace omnilink::actors
