// omnilink: the one program.
#include <algorithm>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/hide_passwords.hpp"

int main(int argc, char** argv) {
  std::vector<std::string> arguments{argv + std::min(argc, 1), argv + argc};
  omnilink::cli::hide_passwords(argc, argv);
  return omnilink::cli::run_command_line(std::move(arguments));
}
