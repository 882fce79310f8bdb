// What stands for a password in memory: HMAC-SHA-256 under a key that this object made and nobody else knows. Two digests can be
// compared in the open; a table of them tells nothing.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string_view>

namespace omnilink::io {

class keyed_digest {
 public:
  using value = std::array<std::uint8_t, 32>;

  keyed_digest();  ///< throws std::runtime_error when the system has no random numbers
  ~keyed_digest();
  keyed_digest(const keyed_digest&) = delete;
  keyed_digest& operator=(const keyed_digest&) = delete;

  /// Of all parts, each with its length: {"ab", "c"} and {"a", "bc"} differ.
  value of(std::initializer_list<std::string_view> parts) const;

 private:
  value key_;
};

/// A digest's first bytes are as good as any hash.
struct hash_of_digest {
  std::size_t operator()(const keyed_digest::value& digest) const noexcept;
};

}  // namespace omnilink::io
