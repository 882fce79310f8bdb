// Who listens at an address of this machine.
#pragma once

#include "interceptor/sock_diag.hpp"

namespace omnilink::interceptor {

/// On that address, or on all; otherwise as owner_of(), whose peer without a port stands for none.
inline std::optional<socket_owner> owner_of_listener(int diag_fd, const core::endpoint& where) noexcept {
  const core::address nobody = where.address.unmapped().is_v6() ? core::address::v6({}) : core::address::v4(0u);
  return owner_of(diag_fd, where, {nobody, 0});
}

}  // namespace omnilink::interceptor
