#include "cli/auth_file.hpp"

#include <string.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "core/nearest_word.hpp"
#include "io/config_files.hpp"
#include "wire/credentials.hpp"

namespace omnilink::cli {
namespace {

constexpr std::string_view credentials_prefix = "${CREDENTIALS_DIRECTORY}/";

/// Both parts, the colon, the end of the line, and one byte more to see that it is too long.
constexpr std::size_t login_max = 2 * wire::credential_max + 4;

std::string system_error() {
  return std::generic_category().message(errno);
}

// Whoever may read the file has the login. systemd's credentials have a group bit, the mask of the ACL by
// which it lets the service's user in; their directory is closed to others.
std::string check_access(int fd, bool from_systemd) {
  struct stat about {};
  if (::fstat(fd, &about) != 0) return system_error();
  if (!S_ISREG(about.st_mode)) return "not a regular file";
  if ((about.st_mode & (from_systemd ? 07 : 077)) != 0) return "others may read it; chmod 600 it";
  return {};
}

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

std::string read_login(const std::string& path, bool from_systemd, chain::hop& into) {
  const io::descriptor file = io::open_config_file(path);
  if (!file) return system_error();
  if (std::string wrong = check_access(file.get(), from_systemd); !wrong.empty()) return wrong;
  std::array<char, login_max> bytes;
  const ssize_t size = ::read(file.get(), bytes.data(), bytes.size());
  std::string wrong;
  if (size < 0) {
    wrong = system_error();
  } else if (static_cast<std::size_t>(size) == bytes.size()) {
    wrong = "longer than a login";
  } else {
    wrong = take_login({bytes.data(), static_cast<std::size_t>(size)}, into);
  }
  ::explicit_bzero(bytes.data(), bytes.size());
  return wrong;
}

}  // namespace

std::string read_auth_file(chain::hop& into) {
  if (into.auth_file.empty()) return {};
  std::string path = into.auth_file;
  const bool from_systemd = path.starts_with(credentials_prefix);
  if (from_systemd) {
    const char* directory = ::getenv("CREDENTIALS_DIRECTORY");
    if (!directory || *directory == '\0') {
      return "auth_file: CREDENTIALS_DIRECTORY is not set; systemd sets it for a unit with LoadCredential=";
    }
    path = std::string{directory} + "/" + path.substr(credentials_prefix.size());
  }
  if (std::string wrong = read_login(path, from_systemd, into); !wrong.empty()) {
    return "auth_file " + core::quoted(path) + ": " + wrong;
  }
  into.auth_file.clear();
  return {};
}

}  // namespace omnilink::cli
