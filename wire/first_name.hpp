// The host name that the first bytes of a stream tell: of a TLS ClientHello or an HTTP request. Who says it is the client, so it may
// say anything: good for naming a target that is known by its address only, never for a decision about it (A7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "wire/handshake.hpp"

namespace omnilink::wire {

/// So many bytes are looked at. A ClientHello with the keys of post-quantum ciphers has 2 KiB; an HTTP head no more than this as a
/// rule.
inline constexpr std::size_t first_bytes_max = 16 * 1024;

struct first_name {
  enum class state : std::uint8_t {
    incomplete,  ///< look again when there are more bytes
    none,        ///< there is no name, however many bytes follow
    found,
  };
  state what = state::none;
  std::string name;  ///< a valid host name without the final dot
};

/// `begin` is everything so far. What is decided does not change with the bytes that follow.
first_name read_first_name(bytes begin);

/// found, or none where it is no host name: an address, say.
first_name checked_name(std::string_view name);

}  // namespace omnilink::wire
