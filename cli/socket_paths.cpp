#include "cli/socket_paths.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "core/nearest_word.hpp"

namespace omnilink::cli {

std::string make_socket_directory(const std::string& directory, const service_user& owner) {
  const bool made = ::mkdir(directory.c_str(), 0755) == 0;
  const int why = errno;
  struct stat about {};
  if ((!made && why != EEXIST) || ::lstat(directory.c_str(), &about) != 0) {
    return core::quoted(directory) + ": " + std::generic_category().message(made ? errno : why);
  }
  if (made) ::chmod(directory.c_str(), 0755);  // whatever the umask says: others may ask query.sock
  // In a directory of somebody else's, the sockets could be theirs as well.
  const bool ours = about.st_uid == ::geteuid() || about.st_uid == owner.uid;
  if (!S_ISDIR(about.st_mode) || !ours || (about.st_mode & S_IWOTH)) {
    return core::quoted(directory) +
           ": not a directory of our own; remove it, or set socket in [query] and [admin]";
  }
  if (about.st_uid != owner.uid && ::chown(directory.c_str(), owner.uid, owner.gid) != 0)
    return core::quoted(directory) + ": cannot be given to user " + std::to_string(owner.uid) + ": " +
           std::generic_category().message(errno);
  return {};
}

}  // namespace omnilink::cli
