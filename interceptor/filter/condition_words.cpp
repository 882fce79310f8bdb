// Patterns as users write them.
#include <algorithm>
#include <charconv>

#include "core/nearest_word.hpp"
#include "interceptor/filter/condition.hpp"
#include "interceptor/filter/week_time.hpp"

namespace omnilink::interceptor::filter {
namespace {

using parsed = std::variant<pattern, std::string>;

constexpr std::string_view match_names[] = {"equal",   "not_equal", "prefix", "range",
                                            "greater", "less",      "any_of"};

std::string not_for(field_id f, match_type how) {
  return std::string{match_names[static_cast<std::size_t>(how)]} + " does not apply to " +
         std::string{name_of(f)};
}

std::optional<std::uint64_t> read_number(std::string_view text) noexcept {
  std::uint64_t out = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (wrong != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

parsed parse_address(match_type how, std::string_view text) {
  const std::size_t dash = text.find('-');
  if (how == match_type::greater || how == match_type::less) {
    return "greater and less apply to numbers; write a network or a range of addresses";
  }
  if (dash != text.npos && how != match_type::prefix) {
    const auto first = core::address::parse(text.substr(0, dash)),
               last = core::address::parse(text.substr(dash + 1));
    if (!first || !last) return core::quoted(text) + " is not a range of addresses like 10.0.0.1-10.0.0.9";
    return address_range{first->unmapped(), last->unmapped()};
  }
  if (how == match_type::range)
    return core::quoted(text) + " is not a range of addresses like 10.0.0.1-10.0.0.9";
  if (const auto network = core::cidr::parse(text)) return *network;
  return core::describe_bad_cidr(text);
}

parsed parse_number(field_id f, match_type how, std::string_view text) {
  if (how == match_type::prefix) return not_for(f, how);
  const std::size_t dash = text.find('-');
  const auto first = read_number(text.substr(0, dash));
  const auto last = dash == text.npos ? first : read_number(text.substr(dash + 1));
  if (!first || !last) return core::quoted(text) + " is not a number or a range like 8000-8100";
  if (how == match_type::range && dash == text.npos)
    return core::quoted(text) + " is not a range like 8000-8100";
  if (how != match_type::greater && how != match_type::less) return number_range{*first, *last};
  if (dash != text.npos) return std::string{"greater and less take one number"};
  if (how == match_type::greater) {
    if (*first >= max_of(f)) return "nothing is greater than " + std::to_string(*first);
    return number_range{*first + 1, max_of(f)};
  }
  if (*first == 0) return std::string{"nothing is less than 0"};
  return number_range{0, *first - 1};
}

parsed parse_host(match_type how, std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  if (text.ends_with('.')) text.pop_back();
  if (how == match_type::prefix) return text_pattern{text_pattern::kind::prefix, text};
  if (text.starts_with("*.") && text.find_first_of("*?", 2) == text.npos) {
    return text_pattern{text_pattern::kind::below, text.substr(2)};
  }
  if (text.starts_with('.')) return text_pattern{text_pattern::kind::suffix, text.substr(1)};
  const bool is_glob = text.find_first_of("*?") != text.npos;
  return text_pattern{is_glob ? text_pattern::kind::glob : text_pattern::kind::exact, text};
}

parsed parse_text(field_id f, match_type how, std::string_view text) {
  if (how == match_type::range || how == match_type::greater || how == match_type::less)
    return not_for(f, how);
  if (f == field_id::host) return parse_host(how, std::string{text});
  if (how == match_type::prefix) return text_pattern{text_pattern::kind::prefix, std::string{text}};
  const bool is_glob = text.find_first_of("*?") != text.npos;
  return text_pattern{is_glob ? text_pattern::kind::glob : text_pattern::kind::exact, std::string{text}};
}

}  // namespace

std::optional<match_type> parse_match_type(std::string_view name) noexcept {
  const auto* found = std::find(std::begin(match_names), std::end(match_names), name);
  if (found == std::end(match_names)) return std::nullopt;
  return static_cast<match_type>(found - std::begin(match_names));
}

std::variant<pattern, std::string> parse_pattern(field_id f, match_type how, std::string_view text) {
  switch (type_of(f)) {
    case field_type::address:
      return parse_address(how, text);
    case field_type::number:
      return parse_number(f, how, text);
    case field_type::text:
      break;
  }
  return parse_text(f, how, text);
}

std::variant<std::vector<pattern>, std::string> parse_patterns(field_id f, std::string_view text) {
  const bool is_minutes = text.find_first_not_of("0123456789-") == text.npos;
  if (f == field_id::time && !is_minutes) {
    const auto ranges = parse_week_times(text);
    if (!ranges.empty()) return std::vector<pattern>{ranges.begin(), ranges.end()};
    return core::quoted(text) + " is not a time of the week, as \"Mon-Fri 08:00-18:00\", \"Sat\" or \"22:00-06:00\"";
  }
  auto one = parse_pattern(f, match_type::any_of, text);
  if (auto* wrong = std::get_if<std::string>(&one)) return std::move(*wrong);
  return std::vector<pattern>{std::get<pattern>(std::move(one))};
}

}  // namespace omnilink::interceptor::filter
