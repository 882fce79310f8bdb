#include "cli/socket_paths.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "core/nearest_word.hpp"

namespace omnilink::cli {
namespace {

constexpr const char* system_directory = "/run/omnilink";

}  // namespace

std::string socket_directory() {
  // systemd's RuntimeDirectory=, several with colons between.
  if (const char* given = ::getenv("RUNTIME_DIRECTORY"); given && *given == '/') {
    const std::string all{given};
    return all.substr(0, all.find(':'));
  }
  if (::geteuid() == 0) return system_directory;
  const char* runtime = ::getenv("XDG_RUNTIME_DIR");
  return runtime && *runtime == '/' ? std::string{runtime} + "/omnilink" : std::string{};
}

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

std::string find_socket(const std::string& name) {
  const std::string own = socket_directory();
  if (!own.empty() && ::access((own + "/" + name).c_str(), F_OK) == 0) return own + "/" + name;
  return std::string{system_directory} + "/" + name;
}

}  // namespace omnilink::cli
