// Where a running service answers: query.sock and admin.sock in one directory.
#pragma once

#include <string>

namespace omnilink::io {

/// /run/omnilink for root, $XDG_RUNTIME_DIR/omnilink for others; empty: there is no such place.
std::string socket_directory();

/// Where to ask: the caller's own directory, or /run/omnilink where that has no such socket. `name`:
/// "query.sock".
std::string find_socket(const std::string& name);

}  // namespace omnilink::io
