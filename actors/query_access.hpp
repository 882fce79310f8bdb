// Who may see a flow (invariant 10): root, the service's own user and the admin group see all; everybody else sees what
// their own uid owns, asked of the kernel at question time. For the rest a flow does not exist.
#pragma once

#include <cstdint>

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

/// `diag_fd`: a sock_diag socket of the flow's network namespace, or -1.
bool may_see(const asking_peer& peer, const nat::entry& flow, int diag_fd);

}  // namespace omnilink::actors
