// Which addresses are our own listeners' (invariant 4): a connection there, or through a chain back there, is a loop.
#pragma once

#include <vector>

#include "core/endpoint.hpp"

namespace omnilink::interceptor {

class own_listeners {
 public:
  own_listeners() = default;
  /// Bound addresses of this network namespace; a wildcard one stands for all addresses that the host has when asked.
  explicit own_listeners(std::vector<core::endpoint> bound);

  /// IPv4-mapped forms count as IPv4; an unspecified destination means loopback, as connect() takes it.
  bool contains(const core::endpoint& where) const;

 private:
  std::vector<core::endpoint> bound_;
};

}  // namespace omnilink::interceptor
