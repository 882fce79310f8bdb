// What a connection is asked about: the fields that conditions test, each of one type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace omnilink::interceptor::filter {

/// In the order of their types. "Remote" is always the other side: where an outgoing connection goes to,
/// where an incoming one comes from.
enum class field_id : std::uint8_t {
  // addresses
  local_address,
  remote_address,
  // numbers
  local_port,
  remote_port,
  protocol,  ///< IANA's number
  pid,       ///< of the program, like the next two; as the service's namespaces count
  uid,
  gid,
  netns,  ///< the network namespace's cookie (SO_NETNS_COOKIE)
  time,   ///< minute of the local week, 0 (Monday 00:00) to 10079
  // text
  host,       ///< the name that was asked for, by DNS, SNI, HTTP Host or SOCKS
  exe,        ///< the program's path
  process,    ///< its short name
  cgroup,     ///< path below the root of the hierarchy: "/system.slice/nginx.service"
  interface,  ///< that it came in by, or would leave by
  listener,   ///< that took it
  tag,        ///< a word that a filter asked before put on it; it may have several, or none
};
inline constexpr std::size_t fields = 17;

enum class field_type : std::uint8_t { address, number, text };

constexpr field_type type_of(field_id f) noexcept {
  if (f <= field_id::remote_address) return field_type::address;
  return f <= field_id::time ? field_type::number : field_type::text;
}

/// "remote_port", as in the configuration.
std::string_view name_of(field_id f) noexcept;
std::optional<field_id> parse_field(std::string_view name) noexcept;

inline constexpr std::uint64_t minutes_of_a_week = 7 * 24 * 60;

/// The largest value of a number field.
std::uint64_t max_of(field_id f) noexcept;
/// How many bits max_of() has.
unsigned bits_of(field_id f) noexcept;

}  // namespace omnilink::interceptor::filter
