// Basic credentials (RFC 7617), both ways. Nothing of them is left in a buffer.
#pragma once

#include <optional>
#include <string_view>

#include "wire/byte_codec.hpp"
#include "wire/credentials.hpp"

namespace omnilink::wire {

/// Whether they can be said: no control bytes, no colon in the user, 255 bytes each.
bool fits_basic(const credentials& login) noexcept;

/// "Basic dXNlcjpwYXNz"; `login` fits.
void put_basic(byte_writer& to, const credentials& login) noexcept;

/// Of a field's value; nullopt: another scheme, or no credentials that fit.
std::optional<credentials> parse_basic(std::string_view value);

}  // namespace omnilink::wire
