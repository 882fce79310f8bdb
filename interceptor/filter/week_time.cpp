#include "interceptor/filter/week_time.hpp"

#include <algorithm>
#include <array>

namespace omnilink::interceptor::filter {
namespace {

constexpr std::array<std::string_view, 7> days{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr std::uint64_t minutes_of_a_day = 24 * 60;

// Two digits, or nothing.
std::optional<std::uint64_t> two_digits(std::string_view text) noexcept {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 2 || !is_digit(text[0]) || !is_digit(text[1])) return std::nullopt;
  return static_cast<std::uint64_t>((text[0] - '0') * 10 + (text[1] - '0'));
}

std::optional<std::uint64_t> parse_day(std::string_view text) noexcept {
  const auto found = std::ranges::find(days, text);
  if (found == days.end()) return std::nullopt;
  return static_cast<std::uint64_t>(found - days.begin());
}

// "08:30", and "24:00".
std::optional<std::uint64_t> parse_time(std::string_view text) noexcept {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hour = two_digits(text.substr(0, 2)), minute = two_digits(text.substr(3));
  if (!hour || !minute || *minute > 59 || *hour * 60 + *minute > minutes_of_a_day) return std::nullopt;
  return *hour * 60 + *minute;
}

struct span {
  std::uint64_t from, to;
};

// "Mon", "Mon-Fri": first and last day.
std::optional<span> parse_days(std::string_view text) noexcept {
  const std::size_t dash = text.find('-');
  const auto first = parse_day(text.substr(0, dash));
  const auto last = dash == text.npos ? first : parse_day(text.substr(dash + 1));
  if (!first || !last) return std::nullopt;
  return span{*first, *last};
}

// "08:00-18:00": minutes from midnight; the end is later than the beginning.
std::optional<span> parse_hours(std::string_view text) noexcept {
  const std::size_t dash = text.find('-');
  if (dash == text.npos) return std::nullopt;
  const auto from = parse_time(text.substr(0, dash)), to = parse_time(text.substr(dash + 1));
  if (!from || !to || *from == minutes_of_a_day || *from == *to) return std::nullopt;
  return span{*from, *to < *from ? *to + minutes_of_a_day : *to};
}

std::string to_time(std::uint64_t minute) {
  const auto two = [](std::uint64_t n) { return std::string{n < 10 ? "0" : ""} + std::to_string(n); };
  return two(minute / 60) + ":" + two(minute % 60);
}

// Those that touch become one.
std::vector<number_range> merged(std::vector<number_range> all) {
  std::ranges::sort(all, {}, &number_range::first);
  std::vector<number_range> out;
  for (const number_range& one : all) {
    if (out.empty() || out.back().last + 1 < one.first) {
      out.push_back(one);
    } else {
      out.back().last = std::max(out.back().last, one.last);
    }
  }
  return out;
}

}  // namespace

std::optional<std::uint64_t> parse_week_time(std::string_view text) noexcept {
  if (text.size() != 9 || text[3] != ' ') return std::nullopt;
  const auto day = parse_day(text.substr(0, 3)), time = parse_time(text.substr(4));
  if (!day || !time || *time == minutes_of_a_day) return std::nullopt;
  return *day * minutes_of_a_day + *time;
}

std::string to_week_time(std::uint64_t minute) {
  return std::string{days[minute / minutes_of_a_day % days.size()]} + " " + to_time(minute % minutes_of_a_day);
}

std::vector<number_range> parse_week_times(std::string_view text) {
  const std::size_t space = text.find(' ');
  std::optional<span> which{{0, 6}}, hours{{0, minutes_of_a_day}};
  if (space != text.npos) {
    which = parse_days(text.substr(0, space));
    hours = parse_hours(text.substr(space + 1));
  } else if (text.find(':') != text.npos) {
    hours = parse_hours(text);
  } else {
    which = parse_days(text);
  }
  if (!which || !hours) return {};
  std::vector<number_range> out;
  for (std::uint64_t day = which->from;; day = (day + 1) % days.size()) {
    const std::uint64_t first = day * minutes_of_a_day + hours->from, last = day * minutes_of_a_day + hours->to - 1;
    out.push_back({first, std::min(last, minutes_of_a_week - 1)});
    if (last >= minutes_of_a_week) out.push_back({0, last - minutes_of_a_week});
    if (day == which->to) break;
  }
  return merged(std::move(out));
}

std::string to_week_times(const number_range& minutes) {
  const std::string first = to_week_time(minutes.first);
  if (minutes.first == minutes.last) return first;
  const std::uint64_t midnight = minutes.first - minutes.first % minutes_of_a_day, end = minutes.last + 1;
  return first + "-" + (end <= midnight + minutes_of_a_day ? to_time(end - midnight) : to_week_time(end));
}

}  // namespace omnilink::interceptor::filter
