// The fake-address table: our resolver answers a name with addresses out of two private pools, and a
// connection to such an address is a connection to the name. Pure. A number is never given to a second name
// while the table lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/endpoint.hpp"

namespace omnilink::nat {

class names {
 public:
  /// 198.18.0.0/15 (RFC 2544, never routed on the Internet); number 1 is the sandbox's own address and never
  /// given out.
  static constexpr std::uint32_t pool_v4 = 0xc6120000;
  static constexpr std::size_t pool_size = 131072;
  /// fd6f:6d6e:1::/64 (RFC 4193); the same number as in the IPv4 pool.
  static core::address pool_v6(std::uint32_t number) noexcept;

  struct pair {
    core::address v4;
    core::address v6;
  };
  /// The name's pair, new or known; names are compared without case and without the final dot. nullopt: the
  /// pool is used up, or this is no valid host name.
  std::optional<pair> assign(std::string_view name);
  /// The name behind an address of ours, in lower case and without the final dot, valid until the next
  /// assign(); empty: the address is in no pool, or was not given out.
  std::string_view find(const core::address& where) const noexcept;
  /// True for every address of the two pools, given out or not: a connection to one that find() does not know
  /// must not leave the machine.
  static bool in_pool(const core::address& where) noexcept;
  std::size_t size() const noexcept { return by_number_.size(); }

 private:
  std::vector<std::string> by_number_;
  std::unordered_map<std::string, std::uint32_t> by_name_;
};

}  // namespace omnilink::nat
