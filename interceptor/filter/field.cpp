#include "interceptor/filter/field.hpp"

#include <array>
#include <bit>
#include <limits>

namespace omnilink::interceptor::filter {
namespace {

constexpr std::array<std::string_view, fields> field_names{
    "local_address", "remote_address", "local_port", "remote_port", "protocol", "pid",     "uid",
    "gid",           "netns",          "time",       "host",        "exe",      "process", "cgroup",
    "interface",     "listener",       "tag"};

}  // namespace

std::string_view name_of(field_id f) noexcept {
  return field_names[static_cast<std::size_t>(f)];
}

std::optional<field_id> parse_field(std::string_view name) noexcept {
  for (std::size_t i = 0; i < field_names.size(); ++i) {
    if (field_names[i] == name) return static_cast<field_id>(i);
  }
  return std::nullopt;
}

std::uint64_t max_of(field_id f) noexcept {
  switch (f) {
    case field_id::local_port:
    case field_id::remote_port:
      return 65535;
    case field_id::protocol:
      return 255;
    case field_id::time:
      return minutes_of_a_week - 1;
    case field_id::pid:
    case field_id::uid:
    case field_id::gid:
      return std::numeric_limits<std::uint32_t>::max();
    default:
      return std::numeric_limits<std::uint64_t>::max();
  }
}

unsigned bits_of(field_id f) noexcept {
  return static_cast<unsigned>(std::bit_width(max_of(f)));
}

}  // namespace omnilink::interceptor::filter
