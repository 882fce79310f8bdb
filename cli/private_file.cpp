#include "cli/private_file.hpp"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "core/nearest_word.hpp"
#include "io/config_files.hpp"

namespace omnilink::cli {
namespace {

constexpr std::string_view credentials_prefix = "${CREDENTIALS_DIRECTORY}/";

std::string system_error() {
  return std::generic_category().message(errno);
}

// systemd's credentials have a group bit, the mask of the ACL by which it lets the service's user in; their directory is closed to
// others.
std::string check_access(int fd, bool from_systemd, readers who, unsigned* others) {
  struct stat about {};
  if (::fstat(fd, &about) != 0) return system_error();
  if (!S_ISREG(about.st_mode)) return "not a regular file";
  unsigned open = about.st_mode & (from_systemd ? 07 : 077);
  // root:omnilink 0640, as packages keep the files of a service that is not root: both of them chose who reads it.
  if (about.st_uid == 0 && about.st_gid == ::getegid() && ::geteuid() != 0) open &= ~040u;
  if (others) *others = open;
  if (open != 0 && who == readers::owner) return "others may read it; chmod 600 it";
  return {};
}

// Empty: `out` has it.
std::string read_whole(const std::string& path, std::size_t size_max, bool from_systemd, readers who, unsigned* others, core::secret& out) {
  const io::descriptor file = io::open_config_file(path);
  if (!file) return system_error();
  if (std::string wrong = check_access(file.get(), from_systemd, who, others); !wrong.empty()) return wrong;
  std::string bytes(size_max + 1, '\0');
  std::size_t size = 0;
  std::string wrong;
  while (size < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (got < 0) wrong = system_error();
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > size_max) wrong = "longer than " + std::to_string(size_max) + " bytes";
  out = core::secret{std::string_view{bytes}.substr(0, size)};
  ::explicit_bzero(bytes.data(), bytes.size());
  return wrong;
}

}  // namespace

boost::system::result<core::secret, std::string> read_private_file(const std::string& path, std::size_t size_max, readers who,
                                                                unsigned* others) {
  std::string expanded = path;
  const bool from_systemd = path.starts_with(credentials_prefix);
  if (from_systemd) {
    const char* directory = ::getenv("CREDENTIALS_DIRECTORY");
    if (!directory || *directory == '\0') {
      return {boost::system::in_place_error,
              core::quoted(path) + ": CREDENTIALS_DIRECTORY is not set; systemd sets it for a unit with LoadCredential="};
    }
    expanded = std::string{directory} + "/" + path.substr(credentials_prefix.size());
  }
  core::secret out;
  if (std::string wrong = read_whole(expanded, size_max, from_systemd, who, others, out); !wrong.empty())
    return {boost::system::in_place_error, core::quoted(expanded) + ": " + wrong};
  return {boost::system::in_place_value, std::move(out)};
}

}  // namespace omnilink::cli
