// [[sublayer]] and [[filter]] of the configuration file. For config_file.cpp.
#pragma once

#include <vector>

#include "actors/configuration.hpp"
#include "cli/config_reader.hpp"

namespace omnilink::cli {

/// After the chains and callouts, which filters may name.
void read_filters(const std::vector<const toml::table*>& sublayers, const std::vector<const toml::table*>& filters,
                  actors::configuration& into, config_errors& errors);

}  // namespace omnilink::cli
