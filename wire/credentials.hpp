// User and password, for a hop or of a client, and the buffer in which a handshake may spell them out (invariant 8).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/secret.hpp"

namespace omnilink::wire {

/// Bytes in a user or a password: RFC 1929 has one length byte for each; the same limit holds for every
/// protocol.
inline constexpr std::size_t credential_max = 255;

struct credentials {
  std::string user;
  core::secret password;
};

/// Of fixed size, so that no growing leaves a copy behind, and cleared when the script ends or is cut off.
template <std::size_t Size>
struct secret_buffer {
  std::array<std::uint8_t, Size> data;  // nothing, until it is written

  secret_buffer() = default;
  secret_buffer(const secret_buffer&) = delete;
  secret_buffer& operator=(const secret_buffer&) = delete;
  ~secret_buffer() { core::wipe(data.data(), Size); }
};

}  // namespace omnilink::wire
