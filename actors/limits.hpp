// Limits that more than one part of the room knows.
#pragma once

#include <cstdint>

namespace omnilink::actors {

/// One per core of a large machine; the installer's messages carry as many descriptors.
inline constexpr std::uint32_t workers_max = 64;

}  // namespace omnilink::actors
