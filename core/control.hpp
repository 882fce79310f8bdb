// The bytes that a terminal or a line of text obeys instead of showing them.
#pragma once

namespace omnilink::core {

/// C0 and DEL (RFC 20).
constexpr bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace omnilink::core
