// A network: an address and the number of its leading bits that count (RFC 4632, RFC 4291 section 2.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/endpoint.hpp"

namespace omnilink::core {

struct cidr {
  core::address network;    ///< bits behind the prefix are 0; never IPv4-mapped
  std::uint8_t prefix = 0;  ///< 0 to 32, or to 128 for IPv6

  /// nullopt: the prefix is too long, or bits behind it are set. An IPv4-mapped network of at least 96 bits becomes IPv4.
  static std::optional<cidr> make(const core::address& network, unsigned prefix) noexcept;
  /// "10.0.0.0/8", "2001:db8::/32", or an address alone; nullopt: describe_bad_cidr() says why.
  static std::optional<cidr> parse(std::string_view text) noexcept;
  /// IPv4-mapped addresses count as IPv4.
  bool contains(const core::address& which) const noexcept;
  /// "10.0.0.0/8".
  std::string to_string() const;
  friend auto operator<=>(const cidr&, const cidr&) = default;
};

/// Why parse() refuses this text, in one line; where bits behind the prefix are set it names the network that may be meant.
std::string describe_bad_cidr(std::string_view text);

}  // namespace omnilink::core
