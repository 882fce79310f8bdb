// Sockets that may have anybody's address (IP_TRANSPARENT), which takes a privilege to make: netd keeps two channels full of them, one for
// each family, and the workers take one for each connection that is to have its client's address.
#pragma once

#include <array>

#include "io/descriptor.hpp"

namespace omnilink::interceptor {

/// netd's side.
class socket_lender {
 public:
  /// From now on to these ends of packet channels, in place of others.
  void lend_to(io::descriptor v4, io::descriptor v6) noexcept;
  /// Writable when there is room for more; -1: nobody wants any.
  int fd(bool v6) const noexcept { return channels_[v6].get(); }
  void fill(bool v6) noexcept;

 private:
  std::array<io::descriptor, 2> channels_;
};

/// The workers' side; from any thread.
class lent_sockets {
 public:
  lent_sockets() = default;
  lent_sockets(io::descriptor v4, io::descriptor v6) noexcept;
  /// TCP, non-blocking, not bound. Empty: errno is EAGAIN while netd has to make more, else there will be none.
  io::descriptor take(bool v6) const noexcept;

 private:
  std::array<io::descriptor, 2> channels_;
};

}  // namespace omnilink::interceptor
