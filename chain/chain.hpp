// A chain: its hops in order. An empty list, or the single hop `direct`, goes to the target itself.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "chain/hop.hpp"
#include "core/clock.hpp"

namespace omnilink::chain {

/// Each hop costs a round trip and a place in the descriptor budget; nobody has a use for more.
inline constexpr std::size_t hops_max = 16;
/// Bytes in a name of a hop or chain; it fits an answer of the query protocol.
inline constexpr std::size_t name_max = 63;
/// Empty: a name of letters, digits, '.', '-' and '_' that may stand in logs and in `hops`; otherwise what is
/// wrong.
std::string validate_name(std::string_view name);

struct chain {
  std::string name;
  std::vector<hop> hops;

  bool is_direct() const noexcept { return hops.empty() || hops.front().kind == hop_kind::direct; }
  bool is_reject() const noexcept { return !hops.empty() && hops.front().kind == hop_kind::reject; }
  /// Empty: valid; otherwise what is wrong and the remedy, in one line.
  std::string validate() const;
};

struct timeouts {
  core::nanoseconds chain =
      std::chrono::seconds{30};  ///< from accept to the last hop's yes; 100 ms to 10 min
  core::nanoseconds hop =
      std::chrono::seconds{10};  ///< connect, TLS and handshake of one hop; 100 ms to 10 min
  /// Empty: valid; otherwise what is wrong, naming the key.
  std::string validate() const;
};

}  // namespace omnilink::chain
