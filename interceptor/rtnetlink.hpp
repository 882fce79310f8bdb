// The three requests of rtnetlink(7) that make a fresh network namespace usable through its loopback
// interface alone.
#pragma once

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

 private:
  struct request;
  int perform(request& wanted) noexcept;

  io::descriptor socket_;
};

}  // namespace omnilink::interceptor
