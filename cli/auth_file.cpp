#include "cli/auth_file.hpp"

#include <string_view>

#include "cli/private_file.hpp"
#include "core/nearest_word.hpp"
#include "wire/credentials.hpp"

namespace omnilink::cli {
namespace {

/// Both parts, the colon and the end of the line.
constexpr std::size_t login_max = 2 * wire::credential_max + 3;

// Empty: done.
std::string take_login(std::string_view line, chain::hop& into) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t colon = line.find(':');
  if (line.find('\n') != line.npos || colon == line.npos || colon == 0)
    return "it is not one line \"user:password\"";
  into.user = line.substr(0, colon);
  into.password = core::secret{line.substr(colon + 1)};
  return into.validate();
}

}  // namespace

std::string read_auth_file(chain::hop& into) {
  if (into.auth_file.empty()) return {};
  const auto login = read_private_file(into.auth_file, login_max, readers::owner);
  if (login.has_error()) return "auth_file " + login.error();
  if (std::string wrong = take_login(login->reveal(), into); !wrong.empty())
    return "auth_file " + core::quoted(into.auth_file) + ": " + wrong;
  into.auth_file.clear();
  return {};
}

}  // namespace omnilink::cli
