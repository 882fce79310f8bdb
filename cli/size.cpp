#include "cli/size.hpp"

#include <charconv>

namespace omnilink::cli {
namespace {

constexpr std::uint64_t size_max = std::uint64_t{1} << 50;

std::optional<std::uint64_t> unit_of_size(std::string_view word) noexcept {
  if (word == "KiB") return std::uint64_t{1} << 10;
  if (word == "MiB") return std::uint64_t{1} << 20;
  if (word == "GiB") return std::uint64_t{1} << 30;
  return {};
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
  if (text == "0") return 0;
  std::uint64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{}) return {};
  const auto unit = unit_of_size({rest, static_cast<std::size_t>(end - rest)});
  if (!unit || count > size_max / *unit) return {};
  return *unit * count;
}

}  // namespace omnilink::cli
