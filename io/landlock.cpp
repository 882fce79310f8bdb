#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "io/confinement.hpp"
#include "io/descriptor.hpp"

namespace omnilink::io {
namespace {

// The C library has no functions for these, and Debian 12's headers not the later rights.
constexpr std::uint64_t refer = 1ull << 13;      // version 2
constexpr std::uint64_t truncate = 1ull << 14;   // 3
constexpr std::uint64_t ioctl_dev = 1ull << 15;  // 5
constexpr std::uint64_t first_rights = (1ull << 13) - 1;

constexpr std::uint64_t read_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
// A socket is made in a directory of its own, then moved to its place.
constexpr std::uint64_t socket_rights = read_rights | refer | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                        LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR;

std::uint64_t rights_of(long version) noexcept {
  return first_rights | (version >= 2 ? refer : 0) | (version >= 3 ? truncate : 0) | (version >= 5 ? ioctl_dev : 0);
}

// What is not there cannot be read, and is no mistake: hosts differ.
bool add(int ruleset, const std::string& path, std::uint64_t rights) noexcept {
  const descriptor place{::open(path.c_str(), O_PATH | O_CLOEXEC)};
  struct stat about;
  if (!place || ::fstat(place.get(), &about) != 0) return true;
  if (!S_ISDIR(about.st_mode)) rights &= LANDLOCK_ACCESS_FS_READ_FILE;
  const landlock_path_beneath_attr rule{.allowed_access = rights, .parent_fd = place.get()};
  return ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

// Negative: errno says why there is none.
long version_here() noexcept { return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION); }

std::string failure(const char* step) { return std::string{"landlock: "} + step + ": " + std::strerror(errno); }

}  // namespace

std::string confine_files(const file_access& to) {
  const long version = version_here();
  if (version < 1) return {};
  const std::uint64_t handled = rights_of(version);
  const landlock_ruleset_attr attributes{.handled_access_fs = handled};
  const descriptor ruleset{static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0))};
  if (!ruleset) return failure("create");
  for (const std::string& path : to.read) {
    if (!add(ruleset.get(), path, read_rights)) return failure(path.c_str());
  }
  for (const std::string& path : to.sockets) {
    if (!add(ruleset.get(), path, socket_rights & handled)) return failure(path.c_str());
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failure("no_new_privs");
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) return failure("restrict");
  return {};
}

std::string why_no_landlock() {
  if (version_here() >= 1) return {};
  if (errno == EOPNOTSUPP) return "Landlock is switched off: add landlock to the kernel's lsm= parameter";
  if (errno == ENOSYS) return "this kernel has no Landlock (CONFIG_SECURITY_LANDLOCK)";
  return failure("version") + "; a container's system call filter may forbid it";
}

}  // namespace omnilink::io
