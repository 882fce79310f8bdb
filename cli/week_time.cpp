#include "cli/week_time.hpp"

#include <fmt/format.h>

#include <array>

namespace omnilink::cli {
namespace {

constexpr std::array<std::string_view, 7> days{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

constexpr std::uint64_t minute(std::uint64_t day, std::uint64_t hour, std::uint64_t of_hour) noexcept {
  return (day * 24 + hour) * 60 + of_hour;
}

// Two digits, or nothing.
std::optional<std::uint64_t> two_digits(std::string_view text) noexcept {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 2 || !is_digit(text[0]) || !is_digit(text[1])) return std::nullopt;
  return static_cast<std::uint64_t>((text[0] - '0') * 10 + (text[1] - '0'));
}

}  // namespace

std::optional<std::uint64_t> parse_week_time(std::string_view text) noexcept {
  if (text.size() != 9 || text[3] != ' ' || text[6] != ':') return std::nullopt;
  const auto hour = two_digits(text.substr(4, 2)), of_hour = two_digits(text.substr(7));
  for (std::size_t day = 0; day < days.size(); ++day) {
    if (text.starts_with(days[day]) && hour && of_hour && *hour < 24 && *of_hour < 60)
      return minute(day, *hour, *of_hour);
  }
  return std::nullopt;
}

std::string to_week_time(std::uint64_t minute) {
  return fmt::format("{} {:02}:{:02}", days[minute / 60 / 24 % days.size()], minute / 60 % 24, minute % 60);
}

}  // namespace omnilink::cli
