// Firewall marks of a tproxy listener's packets, and the policy routing that delivers these packets here although they are for
// somebody else. The numbers are fixed: whoever cleans up after another process, or another version, must know them. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace omnilink::interceptor {

/// "oln"; the last byte says which listener. Whole marks, since a packet that has one goes nowhere but here.
inline constexpr std::uint32_t mark_base = 0x6f6c6e00;
inline constexpr std::uint32_t mark_mask = 0xffffff00;
/// Of the packets of connections that a listener's sockets have already.
inline constexpr std::uint32_t mark_of_known = mark_base;
constexpr std::uint32_t mark_of(std::size_t listener) noexcept { return mark_base + 1 + static_cast<std::uint32_t>(listener); }

/// The TTL, or hop limit, that the first packet of a connection of our own gets when somebody's rules have turned it to a redirect
/// listener: the one thing that its receiver can see of who sent it. It never leaves the machine.
inline constexpr std::uint8_t ttl_of_ours = 111;

/// `ip rule`: before the rules that people and VPNs make, behind the table of local addresses.
inline constexpr std::uint32_t mark_rule_preference = 99;
/// `ip route … table`: everything is local.
inline constexpr std::uint32_t mark_table = 28524;

}  // namespace omnilink::interceptor
