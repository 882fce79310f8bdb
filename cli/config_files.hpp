// A configuration's files across the border between netd, which may open them, and the service, which may not.
#pragma once

#include <functional>
#include <vector>

#include "io/config_files.hpp"

namespace omnilink::cli {

/// Everything that `read` opens as a file of a configuration, each once. Files that cannot be opened are in it with why.
std::vector<io::opened_file> record_files(const std::function<void()>& read);

/// Opens the files of `lent` as often as they are asked for, and other ones by their path.
io::file_opener open_from(std::vector<io::opened_file> lent);

}  // namespace omnilink::cli
