// [[rule]] of the configuration file. For config_file.cpp.
#pragma once

#include <vector>

#include "actors/configuration.hpp"
#include "cli/config_reader.hpp"

namespace omnilink::cli {

/// After the chains, which rules may name.
void read_rules(const std::vector<const toml::table*>& from, actors::configuration& into, config_errors& errors);

}  // namespace omnilink::cli
