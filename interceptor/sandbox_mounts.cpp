#include "interceptor/sandbox_mounts.hpp"

#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include "interceptor/nsswitch.hpp"
#include "interceptor/sandbox_failure.hpp"

namespace omnilink::interceptor {
namespace {

namespace fs = std::filesystem;
using failure = std::optional<install_failure>;

// A tmpfs over /tmp holds the covers while they are made; the bind mounts keep it alive when it is gone from
// /tmp.
const fs::path staging = "/tmp";
constexpr const char* staging_options = "mode=755,size=4m,nr_inodes=1k";

constexpr std::string_view resolv_conf_text =
    "# omnilink: names are resolved at the end of the proxy chain\nnameserver 127.0.0.1\n";

constexpr const char* covered_directories[] = {"/run/nscd", "/var/run/nscd", "/run/avahi-daemon",
                                               "/var/run/avahi-daemon"};
constexpr const char* covered_sockets[] = {"/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket",
                                           "/run/systemd/machine/io.systemd.Machine"};
constexpr const char* resolved_directory = "/run/systemd/resolve";  // /etc/resolv.conf may be a link into it

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

failure cover_daemons() {
  const fs::path nothing_directory = staging / "none.d";
  const fs::path nothing = staging / "none";
  if (auto f = make_directory(nothing_directory)) return f;
  if (auto f = write_file(nothing, {}))
    return f;  // connect() to a plain file says ECONNREFUSED, like a dead daemon's socket
  for (const char* path : covered_directories) {
    if (auto f = cover(path, nothing_directory)) return f;
  }
  for (const char* path : covered_sockets) {
    if (auto f = cover(path, nothing)) return f;
  }
  const fs::path resolved = staging / "resolve";
  if (auto f = make_directory(resolved)) return f;
  for (const char* name : {"stub-resolv.conf", "resolv.conf"}) {
    if (auto f = write_file(resolved / name, resolv_conf_text)) return f;
  }
  return cover(resolved_directory, resolved);
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

}  // namespace

std::optional<install_failure> cover_host_resolvers(bool in_user_namespace) {
  if (auto f = mount_staging()) return f;
  if (auto f = cover_daemons()) return f;
  if (auto f = cover_name_service_files()) return f;
  if (in_user_namespace) {
    if (auto f = cover_ssh_config()) return f;
  }
  if (::umount2(staging.c_str(), MNT_DETACH) != 0) return sandbox_failure("umount /tmp", errno);
  return std::nullopt;
}

}  // namespace omnilink::interceptor
