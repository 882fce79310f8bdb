// The sandbox's own view of the files through which a program would ask the host for names: everything that
// is covered here would let a name out, or bring a real address in.
#pragma once

#include <optional>

#include "interceptor/installer.hpp"

namespace omnilink::interceptor {

/// In a fresh mount namespace: a private resolv.conf and nsswitch.conf, nothing behind the sockets of nscd,
/// systemd-resolved, systemd-machined, avahi and the system bus. `in_user_namespace`: also copies of
/// /etc/ssh/ssh_config.d, since ssh refuses included files that belong to neither root nor the user, and
/// root's files seem to be nobody's there. A path that the host does not have is left out; one that cannot be
/// covered is a failure.
std::optional<install_failure> cover_host_resolvers(bool in_user_namespace);

}  // namespace omnilink::interceptor
