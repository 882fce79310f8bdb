// The directory of the service's sockets (io/socket_paths.hpp).
#pragma once

#include <string>

#include "cli/service_user.hpp"

namespace omnilink::cli {

/// Makes it (0755) where it is missing, and `owner`'s, who is this process's user or who it will become. Empty: it is there and
/// nobody else's; otherwise one line with the remedy.
std::string make_socket_directory(const std::string& directory, const service_user& owner);

}  // namespace omnilink::cli
