// The configuration file: TOML to the rooms' own config structs. Its keys stand in the user's guide.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/settings.hpp"

namespace omnilink::cli {

/// A thousand hops fit in a tenth of it.
inline constexpr std::size_t config_file_max = 1024 * 1024;

/// Changes what the file says in `into`. Empty: done, and valid; otherwise the errors, each
/// `omnilink.toml:12:7: hop "paris": …`, and `into` is of no use.
std::vector<std::string> read_config_file(const std::string& path, settings& into);

/// The same of a text; `name` is the file's, for messages. Opens the files that hops name (auth_file, ca, cert, key).
std::vector<std::string> read_config(std::string_view text, const std::string& name, settings& into);

}  // namespace omnilink::cli
