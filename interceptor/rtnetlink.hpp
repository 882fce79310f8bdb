// Requests of rtnetlink(7): those that make a fresh network namespace usable through its loopback interface alone, and policy routing
// by firewall mark.
#pragma once

#include <cstdint>

#include "core/endpoint.hpp"
#include "io/descriptor.hpp"

namespace omnilink::interceptor {

/// A NETLINK_ROUTE socket of this thread's network namespace. Every operation returns 0 or an errno.
class rtnetlink {
 public:
  int open() noexcept;
  int bring_up_loopback() noexcept;
  /// To the loopback interface, as /32 or /128, usable at once (no duplicate address detection).
  int add_loopback_address(const core::address& address) noexcept;
  /// `default dev lo`. Unicast, not local: with a local default, bind() to a foreign address would falsely
  /// succeed.
  int add_default_route(bool v6) noexcept;

  /// `ip rule add pref PREFERENCE fwmark MARK/MASK lookup TABLE`.
  int add_mark_rule(std::uint32_t preference, std::uint32_t mark, std::uint32_t mask, std::uint32_t table, bool v6) noexcept;
  /// Those that look up this table, one at a time; ENOENT: there is none.
  int remove_rule_to(std::uint32_t table, bool v6) noexcept;
  bool has_rule_to(std::uint32_t table, bool v6) noexcept;
  /// `ip route add local default dev lo table TABLE`.
  int add_local_default(std::uint32_t table, bool v6) noexcept;
  /// Its default route; ESRCH: there is none.
  int remove_default(std::uint32_t table, bool v6) noexcept;
  bool has_route_in(std::uint32_t table, bool v6) noexcept;

 private:
  struct request;
  int perform(request& wanted) noexcept;
  bool finds(request& listing, std::uint16_t table_attribute, std::size_t body_size, std::uint32_t table) noexcept;

  io::descriptor socket_;
};

}  // namespace omnilink::interceptor
