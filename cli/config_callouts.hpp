// [[callout]] of the configuration file. For config_file.cpp.
#pragma once

#include <vector>

#include "actors/configuration.hpp"
#include "cli/config_reader.hpp"

namespace omnilink::cli {

/// Before the rules and filters, which may name them.
void read_callouts(const std::vector<const toml::table*>& from, actors::configuration& into, config_errors& errors);

}  // namespace omnilink::cli
