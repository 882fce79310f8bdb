// The sandbox's own view of the files through which a program would ask the host for names: everything that
// is covered here would let a name out, or bring a real address in.
#pragma once

#include <optional>

#include "interceptor/installer.hpp"

namespace omnilink::interceptor {

/// In a fresh mount namespace: a private resolv.conf and nsswitch.conf, and a private /run with empty
/// directories in the place of those of nscd, systemd-resolved, systemd-machined, avahi and the system bus; all
/// else that /run has now is the host's (what the host adds to /run itself later is not seen).
/// `in_user_namespace`: also copies of /etc/ssh/ssh_config.d, since ssh refuses included files that belong to
/// neither root nor the user, and root's files seem to be nobody's there. A path that the host does not have is
/// left out; one that cannot be covered is a failure. Keeps the current directory and the umask.
std::optional<install_failure> cover_host_resolvers(bool in_user_namespace);

}  // namespace omnilink::interceptor
