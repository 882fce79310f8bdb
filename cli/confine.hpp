// The service shuts the doors behind itself that it does not need (io/confinement.hpp).
#pragma once

#include <string>

#include "cli/settings.hpp"

namespace omnilink::cli {

/// Before the first thread. `files_are_lent`: netd opens the configuration for a reload. Empty: done, or [service] confine says no;
/// otherwise one line with the remedy.
std::string confine(const settings& of, bool files_are_lent);

}  // namespace omnilink::cli
