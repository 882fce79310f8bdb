// Durations as the user writes them: "500ms", "10s", "5m", "2h".
#pragma once

#include <optional>
#include <string_view>

#include "core/clock.hpp"

namespace omnilink::cli {

/// Digits and one of ms, s, m, h; nullopt for anything else, and for more than a year.
std::optional<core::nanoseconds> parse_duration(std::string_view text) noexcept;

}  // namespace omnilink::cli
