// How many connections, and how many unfinished handshakes, each client has (D4). A client is an IPv4 address, or a /64 of IPv6: one
// machine has as many addresses of it as it likes. No client without a connection is kept, so max_connections bounds the memory.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "core/endpoint.hpp"

namespace omnilink::actors {

/// For all workers at once.
class source_counts {
 public:
  struct counts {
    std::uint32_t connections = 0;
    std::uint32_t handshakes = 0;
  };
  using key = std::uint64_t;

  source_counts();

  static key key_of(const core::address& source) noexcept;

  enum class outcome : std::uint8_t { taken, too_many_connections, too_many_handshakes };
  /// Takes `more`, unless that is over `most` in either.
  outcome take(key source, counts more, counts most);
  void give_back(key source, counts less) noexcept;
  std::size_t sources() const;

 private:
  // Whoever chooses its addresses must not be able to choose their places.
  struct hash {
    std::uint64_t seed;
    std::size_t operator()(key source) const noexcept;
  };
  // Workers meet here at every connection of another machine: not all at one lock.
  struct alignas(64) part {
    explicit part(std::uint64_t seed) : of{0, hash{seed}} {}
    mutable std::mutex mutex;
    std::unordered_map<key, counts, hash> of;
  };
  static constexpr std::size_t parts = 16;

  part& part_of(key source) noexcept { return all_[hash_(source) >> 60]; }

  const hash hash_;
  std::array<part, parts> all_;
};

}  // namespace omnilink::actors
