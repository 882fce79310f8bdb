// A condition of a filter: one field, and the patterns of which one must fit.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/cidr.hpp"
#include "interceptor/filter/field.hpp"
#include "interceptor/filter/layer.hpp"
#include "interceptor/filter/values.hpp"

namespace omnilink::interceptor::filter {

/// A block list is one condition; more than this is a mistake in a file.
inline constexpr std::size_t patterns_max = std::size_t{1} << 20;
/// Bytes of a text pattern: PATH_MAX of limits.h.
inline constexpr std::size_t pattern_text_max = 4096;

/// Both ends are within.
struct address_range {
  core::address first, last;
  friend bool operator==(const address_range&, const address_range&) = default;
};
struct number_range {
  std::uint64_t first = 0, last = 0;
  friend bool operator==(const number_range&, const number_range&) = default;
};
struct text_pattern {
  enum class kind : std::uint8_t {
    exact,
    prefix,
    suffix,  ///< hosts only: the name and every name under it
    below,   ///< hosts only: every name under it, but not itself
    glob,    ///< '*' is any run of characters, dots and slashes too; '?' is one
  };
  kind how = kind::exact;
  std::string text;  ///< host names in lower case without the final dot
  friend bool operator==(const text_pattern&, const text_pattern&) = default;
};
using pattern = std::variant<core::cidr, address_range, number_range, text_pattern>;

struct condition {
  field_id field = field_id::remote_port;
  bool negated = false;         ///< none of the patterns may fit
  std::vector<pattern> any_of;  ///< at least one; each of the field's type

  /// What is known meets the condition; a field that is not known meets none.
  bool holds(const values& known) const noexcept;
  friend bool operator==(const condition&, const condition&) = default;
};

/// The match types that users write; FWP_MATCH_TYPE's, with any_of for a set.
enum class match_type : std::uint8_t { equal, not_equal, prefix, range, greater, less, any_of };
std::optional<match_type> parse_match_type(std::string_view name) noexcept;

/// One pattern from text. equal, not_equal and any_of take, by field: "10.0.0.0/8", "10.0.0.1-10.0.0.9" or an
/// address; "443" or "8000-8100"; a path or name, with '*' or '?' a glob; a host name, "*.example.com" for
/// what is below it, ".example.com" for itself too. prefix takes a network or the beginning of a text; range,
/// greater and less take numbers or addresses. A string: what is wrong, in one line.
std::variant<pattern, std::string> parse_pattern(field_id f, match_type how, std::string_view text);

/// Of any_of, where one word may mean several patterns: a time of the week as in week_time.hpp.
std::variant<std::vector<pattern>, std::string> parse_patterns(field_id f, std::string_view text);

/// Empty: valid at this layer; otherwise what is wrong and the remedy, in one line.
std::string validate(const condition& c, layer_id at);

bool fits(const pattern& p, field_id f, const values& known) noexcept;
/// "remote_port is 80 or 8000-8100", "host is not *.example.com"; long lists are cut.
std::string to_string(const condition& c);

/// '*' and '?' as in text_pattern::kind::glob.
bool glob_matches(std::string_view glob, std::string_view text) noexcept;

}  // namespace omnilink::interceptor::filter
