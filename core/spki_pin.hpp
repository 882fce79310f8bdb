// What a peer's certificate is pinned to: the SHA-256 of its public key, the SubjectPublicKeyInfo (RFC 7469 section 2.4). It
// survives a renewal with the same key.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace omnilink::core {

struct spki_pin {
  std::array<std::uint8_t, 32> digest{};

  /// "sha256/" and the digest in base64 (RFC 4648 section 4), always 44 characters; nullopt: anything else.
  static std::optional<spki_pin> parse(std::string_view text) noexcept;
  std::string to_string() const;
  friend bool operator==(const spki_pin&, const spki_pin&) = default;
};

}  // namespace omnilink::core
