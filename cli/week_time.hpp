// The time of filters: a minute of the local week, Monday 00:00 is 0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace omnilink::cli {

/// "Mon 09:30"
std::optional<std::uint64_t> parse_week_time(std::string_view text) noexcept;
/// The same back.
std::string to_week_time(std::uint64_t minute);

}  // namespace omnilink::cli
