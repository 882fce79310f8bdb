// How many descriptors a service needs, and how many connections a limit allows (D2). Out of descriptors in the middle of the
// night is a failure of every connection; too few at start is one line.
#pragma once

#include <cstdint>
#include <string>

#include "actors/configuration.hpp"

namespace omnilink::actors {

/// Where the configuration does not say max_connections: this many, or what the limit allows.
inline constexpr std::uint32_t connections_default = 10000;
/// Fewer are of no use to anybody.
inline constexpr std::uint32_t connections_min = 16;

/// What is open beside the connections.
struct descriptor_use {
  std::uint32_t inherited = 0;  ///< before the service opened any
  std::uint32_t workers = 1;
  std::uint32_t listeners = 0;  ///< of the configuration, and the sandbox's
};

std::uint64_t descriptors_needed(const descriptor_use& beside, std::uint32_t connections) noexcept;

struct fitted_connections {
  std::uint32_t count = 0;
  std::string problem;  ///< not empty: they don't fit; one line with the need, the limit and the remedy
};

/// `wanted` 0: the default. `limit` descriptors may be open.
fitted_connections fit_connections(std::uint32_t wanted, const descriptor_use& beside, std::uint64_t limit);

/// Settles service.max_connections under the limit of this process, which is raised where that helps. Empty: done.
std::string settle_connections(configuration& of, const descriptor_use& beside);

/// Into the log: what the default came to, and what it would take.
void say_fewer_connections(std::uint32_t count, const descriptor_use& beside);

}  // namespace omnilink::actors
