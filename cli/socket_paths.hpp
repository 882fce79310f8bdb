// Where a running service answers: query.sock and admin.sock in one directory.
#pragma once

#include <string>

#include "cli/service_user.hpp"

namespace omnilink::cli {

/// /run/omnilink for root, $XDG_RUNTIME_DIR/omnilink for others; empty: there is no such place.
std::string socket_directory();

/// Makes it (0755) where it is missing, and `owner`'s, who is this process's user or who it will become. Empty: it is there and
/// nobody else's; otherwise one line with the remedy.
std::string make_socket_directory(const std::string& directory, const service_user& owner);

/// Where to ask: the caller's own directory, or /run/omnilink where that has no such socket. `name`:
/// "query.sock".
std::string find_socket(const std::string& name);

}  // namespace omnilink::cli
