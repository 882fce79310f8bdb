#include "cli/hide_passwords.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace omnilink::cli {

// Anything that has the shape of a login, even in a URL that is wrong otherwise: a slip of the fingers is no
// reason to show it.
void hide_passwords(int argc, char** argv) noexcept {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument{argv[i]};
    const std::size_t scheme = argument.find("://");
    const std::size_t colon = argument.find(':', scheme == argument.npos ? 0 : scheme + 3);
    const std::size_t at = argument.rfind('@');
    if (colon == argument.npos || at == argument.npos || colon > at) continue;
    std::fill(argv[i] + colon + 1, argv[i] + at, 'x');
  }
}

}  // namespace omnilink::cli
