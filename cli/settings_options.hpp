// The flags that `run` and `exec` share.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/settings.hpp"

namespace omnilink::cli {

/// -c, -F, -v and -q. `given` must outlive the program.
void add_settings_options(CLI::App& verb, settings_flags& given);

}  // namespace omnilink::cli
