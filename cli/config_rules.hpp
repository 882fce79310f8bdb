// [[rule]] of the configuration file, and what [[filter]] reads alike. For config_file.cpp.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/configuration.hpp"
#include "cli/config_reader.hpp"

namespace omnilink::cli {

/// After the chains and callouts, which rules may name.
void read_rules(const std::vector<const toml::table*>& from, actors::configuration& into, config_errors& errors);

/// Takes one word; what is wrong with it, or nothing.
using value_taker = std::function<std::string(const std::string& word)>;

/// The values of a key: texts and numbers, one or a list of them. Each error at its value's place.
void each_value(const toml::node& from, std::string_view key, const std::string& place, config_errors& errors, const value_taker& take);

/// False: reported.
bool read_action(table_reader& in, const std::string& place, const actors::configuration& known, std::string& out);

/// nullptr: there is none of this name.
const interceptor::callout_settings* find_callout(const actors::configuration& in, std::string_view name);

/// What becomes of live connections when the rules change.
void read_on_change(table_reader& in, interceptor::filter::on_change& out);

}  // namespace omnilink::cli
