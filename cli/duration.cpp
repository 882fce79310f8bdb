#include "cli/duration.hpp"

#include <charconv>
#include <cstdint>

namespace omnilink::cli {
namespace {

/// More is a slip of the fingers, and it keeps the product far from the end of 64 bits.
constexpr core::nanoseconds duration_max = std::chrono::hours{24 * 366};

std::optional<core::nanoseconds> unit_of_time(std::string_view word) noexcept {
  if (word == "ms") return std::chrono::milliseconds{1};
  if (word == "s") return std::chrono::seconds{1};
  if (word == "m") return std::chrono::minutes{1};
  if (word == "h") return std::chrono::hours{1};
  return {};
}

}  // namespace

std::optional<core::nanoseconds> parse_duration(std::string_view text) noexcept {
  std::uint64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{}) return {};
  const auto unit = unit_of_time({rest, static_cast<std::size_t>(end - rest)});
  if (!unit || count > static_cast<std::uint64_t>(duration_max / *unit)) return {};
  return *unit * static_cast<std::int64_t>(count);
}

}  // namespace omnilink::cli
