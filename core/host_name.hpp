// What counts as a host name (C7): the gate every name passes before it reaches a byte on the wire.
#pragma once

#include <cstddef>
#include <string_view>

namespace omnilink::core {

/// RFC 1035 section 2.3.4 in its textual form without the final dot.
inline constexpr std::size_t host_name_max = 253;

/// Letters, digits, hyphen and underscore in labels of 1 to 63, 1 to 253 bytes in all, an optional final dot.
/// A name whose last label is a number, decimal or hexadecimal ("0x7f"), is an address written wrong or in
/// disguise, and refused (WHATWG "ends in a number").
bool valid_host_name(std::string_view name) noexcept;

}  // namespace omnilink::core
