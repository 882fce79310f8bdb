// Which addresses are our own listeners' (invariant 4): a connection there, or through a chain back there, is a loop.
#pragma once

#include <vector>

#include "core/endpoint.hpp"

namespace omnilink::interceptor {

class own_listeners {
 public:
  own_listeners() = default;
  /// Bound addresses of this network namespace. For a wildcard one, the host's addresses are read once, here.
  explicit own_listeners(std::vector<core::endpoint> bound);

  /// IPv4-mapped forms count as IPv4; an unspecified destination means loopback, as connect() takes it.
  bool contains(const core::endpoint& where) const noexcept;

 private:
  bool is_local(const core::address& where) const noexcept;

  std::vector<core::endpoint> bound_;
  std::vector<core::address> host_addresses_;  // read only when a listener is bound to the wildcard
};

}  // namespace omnilink::interceptor
