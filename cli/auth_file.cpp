#include "cli/auth_file.hpp"

#include <string_view>

#include "cli/private_file.hpp"
#include "core/nearest_word.hpp"
#include "wire/credentials.hpp"

namespace omnilink::cli {
namespace {

/// Both parts, the colon and the end of the line.
constexpr std::size_t login_max = 2 * wire::credential_max + 3;
/// The users of a listener that has thousands.
constexpr std::size_t users_file_max = 1024 * 1024;

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

std::string read_auth_file(interceptor::listener_config& into) {
  if (into.auth_file.empty()) return {};
  unsigned others = 0;
  const auto text = read_private_file(into.auth_file, users_file_max, readers::anybody, &others);
  if (text.has_error()) return "auth_file " + text.error();
  // Who may write it lets himself in.
  if ((others & 022) != 0) return "auth_file " + core::quoted(into.auth_file) + ": others may write it; chmod go-w it";
  auto users = interceptor::user_list::parse(text->reveal(), others == 0);
  if (users.has_error()) return "auth_file " + into.auth_file + ":" + std::to_string(users.error().line) + ": " + users.error().what;
  into.users = std::make_shared<const interceptor::user_list>(std::move(*users));
  into.auth_file.clear();
  return {};
}

}  // namespace omnilink::cli
