#include "interceptor/sandbox_mounts.hpp"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include "interceptor/nsswitch.hpp"
#include "interceptor/sandbox_failure.hpp"

namespace omnilink::interceptor {
namespace {

namespace fs = std::filesystem;
using failure = std::optional<install_failure>;

// A tmpfs over /tmp holds the covers while they are made; the bind mounts keep it alive when it is gone from
// /tmp. The command may write into it by way of /run: hence the limits.
const fs::path staging = "/tmp";
constexpr const char* staging_options = "mode=755,size=16m,nr_inodes=8k";

constexpr std::string_view resolv_conf_text =
    "# omnilink: names are resolved at the end of the proxy chain\nnameserver 127.0.0.1\n";

// One directory nearly everywhere; a few systems have two.
constexpr const char* run_directories[] = {"/run", "/var/run"};
constexpr std::size_t max_run_entries = 2048;  // per directory; a desktop's /run has some 60

// In /run; all are there inside, whether the host has them or not.
constexpr const char* partly_covered = "systemd";
constexpr const char* covered[] = {"nscd", "avahi-daemon", "dbus", "systemd/machine", "systemd/resolve"};
constexpr const char* resolved_directory = "systemd/resolve";  // /etc/resolv.conf may be a link into it

constexpr const char* ssh_directory = "/etc/ssh/ssh_config.d";
constexpr std::size_t max_ssh_files = 256;           // distributions have one or two
constexpr std::uintmax_t max_ssh_file = 256 * 1024;  // bytes; a large hand-written one has some 20 KiB

failure failed(std::string what, const std::error_code& why) {
  return sandbox_failure(std::move(what), why.value());
}

failure write_file(const fs::path& path, std::string_view text) {
  std::ofstream file{path};
  file << text;
  file.close();
  if (!file) return sandbox_failure("write " + path.string(), errno);
  return std::nullopt;
}

failure make_directory(const fs::path& path) {
  std::error_code error;
  if (!fs::create_directory(path, error)) return failed("create " + path.string(), error);
  return std::nullopt;
}

/// Nobody can get at what stat() cannot: not there, or behind a directory that the caller may not search.
bool is_reachable(const char* path) noexcept {
  struct stat found;
  return ::stat(path, &found) == 0;
}

failure cover(const char* target, const fs::path& with) {
  if (!is_reachable(target)) return std::nullopt;
  if (::mount(with.c_str(), target, nullptr, MS_BIND, nullptr) == 0) return std::nullopt;
  return sandbox_failure(std::string{"mount "} + target, errno);
}

failure mount_staging() {
  // Slave: the host's later mounts appear inside, ours never outside.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
    return sandbox_failure("mount /", errno);
  if (::mount("omnilink", staging.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, staging_options) != 0) {
    return sandbox_failure("mount /tmp", errno);
  }
  return std::nullopt;
}

/// The entry in `to` is the host's `from`. One that cannot be bound, most likely gone meanwhile, is left out:
/// no name leaves through what is not there. Recursive, since a user namespace does not let go of the mounts
/// below.
void show(const fs::directory_entry& from, const fs::path& to) {
  std::error_code ignored;
  if (from.is_symlink(ignored)) return fs::copy_symlink(from, to, ignored);
  if (from.is_directory(ignored)) {
    fs::create_directory(to, ignored);
  } else {
    std::ofstream{to};
  }
  if (::mount(from.path().c_str(), to.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
    fs::remove(to, ignored);
}

/// All of the host's `from` that `to` does not have.
failure show_rest(const fs::path& from, const fs::path& to) {
  std::error_code error;
  std::size_t count = 0;
  for (fs::directory_iterator at{from, error}, end; !error && at != end; at.increment(error)) {
    if (++count > max_run_entries) return sandbox_failure("read " + from.string(), E2BIG);
    const fs::path entry = to / at->path().filename();
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(entry, ignored))) show(*at, entry);
  }
  if (error && error != std::errc::no_such_file_or_directory) return failed("read " + from.string(), error);
  return std::nullopt;
}

/// The covers are not mounted over the daemons' directories: a mount goes when the host removes the directory
/// below it, as a restarted daemon does, and a directory that the host makes later would have none. So the
/// command gets a directory of its own, which no daemon of the host can reach.
failure replace_run(const fs::path& real, const fs::path& with) {
  if (auto f = make_directory(with)) return f;
  if (auto f = make_directory(with / partly_covered)) return f;
  for (const char* name : covered) {
    if (auto f = make_directory(with / name)) return f;
  }
  for (const char* name : {"stub-resolv.conf", "resolv.conf"}) {
    if (auto f = write_file(with / resolved_directory / name, resolv_conf_text)) return f;
  }
  for (const char* name : {partly_covered, ""}) {
    if (auto f = show_rest(real / name, with / name)) return f;
  }
  if (::mount(with.c_str(), real.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0) return std::nullopt;
  return sandbox_failure("mount " + real.string(), errno);
}

/// Follows links: /var/run is one to /run, or the other way round.
failure cover_daemons() {
  std::vector<fs::path> done;
  for (const char* name : run_directories) {
    std::error_code error;
    const fs::path real = fs::canonical(name, error);
    if (error == std::errc::no_such_file_or_directory) continue;
    if (error) return failed(std::string{"find "} + name, error);
    if (std::find(done.begin(), done.end(), real) != done.end()) continue;
    if (auto f = replace_run(real, staging / ("run" + std::to_string(done.size())))) return f;
    done.push_back(real);
  }
  return std::nullopt;
}

/// A process keeps the directory that it is in, whatever is mounted over the way there.
failure enter_again(const fs::path& directory) {
  if (::chdir(directory.c_str()) == 0) return std::nullopt;
  return sandbox_failure("chdir " + directory.string(), errno);
}

bool is_in_run(const fs::path& directory) {
  for (const char* name : run_directories) {
    std::error_code error;
    const fs::path real = fs::canonical(name, error);
    if (!error &&
        std::mismatch(real.begin(), real.end(), directory.begin(), directory.end()).first == real.end())
      return true;
  }
  return false;
}

failure cover_name_service_files() {
  const fs::path resolv_conf = staging / "resolv.conf";
  if (auto f = write_file(resolv_conf, resolv_conf_text)) return f;
  if (auto f = cover("/etc/resolv.conf", resolv_conf)) return f;

  std::ifstream original{"/etc/nsswitch.conf"};
  if (!original) return std::nullopt;  // then the C library's default counts, which asks no daemon
  const std::string text{std::istreambuf_iterator<char>{original}, {}};
  const fs::path nsswitch = staging / "nsswitch.conf";
  if (auto f = write_file(nsswitch, with_hosts_from_dns(text))) return f;
  return cover("/etc/nsswitch.conf", nsswitch);
}

failure copy_ssh_file(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (!fs::is_regular_file(from, error)) return std::nullopt;
  const auto size = fs::file_size(from, error);
  if (!error && size > max_ssh_file) error = std::make_error_code(std::errc::file_too_large);
  if (!error) fs::copy_file(from, to, error);
  // A file that this user may not read is one that ssh may not read either.
  if (error && error != std::errc::permission_denied) return failed("copy " + from.string(), error);
  return std::nullopt;
}

failure cover_ssh_config() {
  const fs::path copies = staging / "ssh_config.d";
  if (auto f = make_directory(copies)) return f;
  std::error_code error;
  std::size_t count = 0;
  for (fs::directory_iterator at{ssh_directory, error}, end; !error && at != end; at.increment(error)) {
    if (++count > max_ssh_files) return sandbox_failure(std::string{"copy "} + ssh_directory, E2BIG);
    if (auto f = copy_ssh_file(at->path(), copies / at->path().filename())) return f;
  }
  if (error == std::errc::no_such_file_or_directory || error == std::errc::permission_denied)
    return std::nullopt;
  if (error) return failed(std::string{"read "} + ssh_directory, error);
  return cover(ssh_directory, copies);
}

failure cover_all(bool in_user_namespace) {
  std::error_code gone;
  const fs::path here = fs::current_path(gone);
  const bool moves = !gone && is_in_run(here);
  if (auto f = mount_staging()) return f;
  if (auto f = cover_daemons()) return f;
  if (auto f = cover_name_service_files()) return f;
  if (in_user_namespace) {
    if (auto f = cover_ssh_config()) return f;
  }
  if (::umount2(staging.c_str(), MNT_DETACH) != 0) return sandbox_failure("umount /tmp", errno);
  return moves ? enter_again(here) : std::nullopt;
}

}  // namespace

std::optional<install_failure> cover_host_resolvers(bool in_user_namespace) {
  // Everybody in the sandbox reads these files and nobody but their owner writes them, whatever the caller's
  // umask.
  const mode_t of_caller = ::umask(022);
  auto outcome = cover_all(in_user_namespace);
  ::umask(of_caller);
  return outcome;
}

}  // namespace omnilink::interceptor
