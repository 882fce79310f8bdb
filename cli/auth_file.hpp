// Logins that stand in a file of its own, so that no URL, process list or configuration shows it.
#pragma once

#include <string>

#include "chain/hop.hpp"
#include "interceptor/listener_config.hpp"

namespace omnilink::cli {

/// Replaces the hop's auth_file by what is in it: one line "user:password", in a file that nobody else can
/// read (0600 or 0400). "${CREDENTIALS_DIRECTORY}/" at its begin is expanded. A hop without auth_file is left
/// alone. Empty: done, and the hop is valid; otherwise one line with the path, the cause and the remedy.
std::string read_auth_file(chain::hop& into);

/// Replaces the listener's auth_file by the users in it (interceptor::user_list). Others may read it where all passwords are
/// hashed; nobody else may write it. Empty: done; otherwise one line, with the file's line where it is one of them.
std::string read_auth_file(interceptor::listener_config& into);

}  // namespace omnilink::cli
