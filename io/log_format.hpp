// A log line as text or JSON. Pure; whatever the bytes of a value are, the line stays one line, and a
// terminal that shows it gets no control byte.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace omnilink::io::log {

enum class level : std::uint8_t { debug, info, warn, error, off };

std::string_view name_of(level which) noexcept;

/// What we have made ourselves of letters, digits and ":.,[]-_/": as text it is taken without a look whether it must be quoted.
struct plain {
  std::string_view text;
};

/// One key and its value. Views only: made and used within one call. core::secret converts to none of the
/// values.
struct field {
  std::string_view key;  ///< a literal: letters, digits, hyphen, underscore
  std::variant<bool, std::int64_t, std::uint64_t, double, std::string_view, plain> value;

  field(std::string_view k, bool v) : key{k}, value{v} {}
  field(std::string_view k, std::signed_integral auto v) : key{k}, value{static_cast<std::int64_t>(v)} {}
  field(std::string_view k, std::unsigned_integral auto v) : key{k}, value{static_cast<std::uint64_t>(v)} {}
  field(std::string_view k, double v) : key{k}, value{v} {}
  field(std::string_view k, std::string_view v) : key{k}, value{v} {}
  field(std::string_view k, const std::string& v) : key{k}, value{std::string_view{v}} {}
  field(std::string_view k, plain v) : key{k}, value{v} {}
  field(std::string_view k, const char* v) : key{k}, value{std::string_view{v}} {}
};

/// A value is cut behind so many bytes.
inline constexpr std::size_t value_max = 1024;

/// `2026-01-31T12:00:00.123Z info listening address=127.0.0.1:1080 note="two words"`; in quotes \" \\ and
/// \xNN. What is empty is left out.
std::string format_text(std::chrono::system_clock::time_point when, level how, std::string_view slug,
                        std::span<const field> fields);
/// `{"time":"…","level":"info","event":"listening","address":"127.0.0.1:1080"}` (RFC 8259); invalid UTF-8
/// becomes U+FFFD.
std::string format_json(std::chrono::system_clock::time_point when, level how, std::string_view slug,
                        std::span<const field> fields);

}  // namespace omnilink::io::log
