// The time of filters: a minute of the local week, Monday 00:00 is 0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interceptor/filter/condition.hpp"

namespace omnilink::interceptor::filter {

/// "Mon 09:30"
std::optional<std::uint64_t> parse_week_time(std::string_view text) noexcept;
/// The same back.
std::string to_week_time(std::uint64_t minute);

/// "Mon-Fri 08:00-18:00", "Sat", "Fri-Mon", "22:00-06:00" (of every day): the end is not within, and may be on
/// the day after. Sorted; empty: it is none of these.
std::vector<number_range> parse_week_times(std::string_view text);
/// "Mon 08:00-18:00", "Fri 22:00-Sat 06:00"; a single minute as to_week_time().
std::string to_week_times(const number_range& minutes);

}  // namespace omnilink::interceptor::filter
