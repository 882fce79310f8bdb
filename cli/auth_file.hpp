// A login that stands in a file of its own, so that no URL, process list or configuration shows it.
#pragma once

#include <string>

#include "chain/hop.hpp"

namespace omnilink::cli {

/// Replaces the hop's auth_file by what is in it: one line "user:password", in a file that nobody else can
/// read (0600 or 0400). "${CREDENTIALS_DIRECTORY}/" at its begin is expanded. A hop without auth_file is left
/// alone. Empty: done, and the hop is valid; otherwise one line with the path, the cause and the remedy.
std::string read_auth_file(chain::hop& into);

}  // namespace omnilink::cli
