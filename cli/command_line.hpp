// From the arguments to a verb's action.
#pragma once

#include <string>
#include <vector>

namespace omnilink::cli {

/// `arguments` are without the program's name. Returns the exit code.
int run_command_line(std::vector<std::string> arguments);

}  // namespace omnilink::cli
