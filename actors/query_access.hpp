// Who may see a flow (invariant 10): root, the service's own user and the admin group see all; everybody else sees what
// their own uid owns, asked of the kernel at question time. For the rest a flow does not exist.
#pragma once

#include <cstdint>

#include "interceptor/sock_diag.hpp"
#include "nat/entry.hpp"

namespace omnilink::actors {

/// The group whose members may ask for every flow.
inline constexpr const char* admin_group = "omnilink-admin";

struct asking_peer {
  std::uint32_t uid = nat::entry::unknown_uid;
  bool sees_all = false;
};

/// Of a connected unix socket: the credentials are those at connect().
asking_peer identify(int connected_fd);

/// `sockets`: of the flow's network namespace; may be null.
bool may_see(const asking_peer& peer, const nat::entry& flow, interceptor::socket_table* sockets);

}  // namespace omnilink::actors
