#include "interceptor/cgroup/place.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "core/nearest_word.hpp"

namespace omnilink::interceptor::cgroup {
namespace {

namespace fs = std::filesystem;
using boost::system::in_place_error;

// PROC_PID_INIT_INO of the kernel, the same on every machine.
constexpr ino_t first_pid_namespace = 0xEFFFFFFC;
// A hierarchy with more directories than this has no place that is found by its name alone.
constexpr int looked_at_max = 20000;

boost::system::result<place, std::string> open_place(const std::string& mount, std::string path) {
  place out;
  out.directory = io::descriptor{::open((mount + path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  struct stat about{};
  if (!out.directory || ::fstat(out.directory.get(), &about) != 0)
    return {in_place_error, "there is no cgroup " + core::quoted(path) + " in " + mount + ": " + std::strerror(errno)};
  out.path = std::move(path);
  out.id = about.st_ino;
  return out;
}

// Empty: `path` is where it is.
std::string find_by_name(const std::string& mount, const std::string& name, std::string& path) {
  std::vector<std::string> found;
  std::error_code ignored;
  int looked_at = 0;
  for (auto i = fs::recursive_directory_iterator{mount, fs::directory_options::skip_permission_denied, ignored}; i != fs::end(i);
       i.increment(ignored)) {
    if (ignored || !i->is_directory(ignored)) continue;
    if (++looked_at > looked_at_max) break;
    if (i->path().filename() == name) found.push_back(i->path().string().substr(mount.size()));
  }
  if (found.empty())
    return "there is no cgroup named " + core::quoted(name) + " in " + mount + "; a unit has one while it runs (systemd-cgls)";
  if (found.size() > 1) return "there are two cgroups named " + core::quoted(name) + ": " + found[0] + " and " + found[1] + "; write the path";
  path = std::move(found.front());
  return {};
}

// By a file of /proc.
boost::system::result<place, std::string> place_in(const std::string& memberships) {
  std::ifstream lines{memberships};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) return find_place(line.substr(3));
  }
  return find_place("/");
}

// What proc(5) stat says behind the process's name, which may be anything; nothing: there is no such process.
std::istringstream status_of(long pid) {
  std::ifstream stat{"/proc/" + std::to_string(pid) + "/stat"};
  const std::string text{std::istreambuf_iterator<char>{stat}, {}};
  const auto end_of_name = text.rfind(')');
  return std::istringstream{end_of_name == text.npos ? std::string{} : text.substr(end_of_name + 1)};
}

}  // namespace

std::string mount_point() {
  std::ifstream mounts{"/proc/self/mounts"};
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words{line};
    std::string device, where, type;
    if (words >> device >> where >> type && type == "cgroup2") return where;
  }
  return {};
}

boost::system::result<place, std::string> find_place(const std::string& wanted) {
  const std::string mount = mount_point();
  if (mount.empty())
    return {in_place_error, "no cgroup2 is mounted: this system has cgroups of version 1 only, or none; boot with systemd.unified_cgroup_hierarchy=1, "
                            "or use a redirect listener"};
  if (wanted.empty() || wanted == "/") return open_place(mount, "/");
  if (is_at_or_below(wanted, mount)) return open_place(mount, wanted.size() == mount.size() ? "/" : wanted.substr(mount.size()));
  if (wanted.find('/') != wanted.npos) return open_place(mount, wanted.starts_with('/') ? wanted : '/' + wanted);
  std::string path;
  if (std::string wrong = find_by_name(mount, wanted, path); !wrong.empty()) return {in_place_error, std::move(wrong)};
  return open_place(mount, std::move(path));
}

boost::system::result<place, std::string> own_place() { return place_in("/proc/self/cgroup"); }

boost::system::result<place, std::string> place_of(std::uint32_t pid) { return place_in("/proc/" + std::to_string(pid) + "/cgroup"); }

bool is_at_or_below(const std::string& path, const std::string& other) noexcept {
  return other == "/" || path == other || (path.starts_with(other) && path[other.size()] == '/');
}

bool is_ours_alone(const place& where) {
  const std::string procs = mount_point() + where.path + "/cgroup.procs";
  std::ifstream pids{procs};
  const pid_t self = ::getpid();
  const auto is_ours = [self](long pid) {
    if (pid == self) return true;
    std::istringstream fields = status_of(pid);
    char state;
    pid_t parent = 0;
    return static_cast<bool>(fields >> state >> parent) && parent == self;
  };
  return pids.is_open() && std::all_of(std::istream_iterator<long>{pids}, {}, is_ours);
}

std::optional<std::uint64_t> begin_of(std::uint32_t pid) {
  std::istringstream fields = status_of(pid);
  constexpr int skipped = 19;  // state is the third field, the begin the 22nd
  std::string word;
  for (int i = 0; i < skipped; ++i) fields >> word;
  std::uint64_t begin = 0;
  if (!(fields >> begin)) return std::nullopt;
  return begin;
}

bool in_first_pid_namespace() {
  struct stat about{};
  return ::stat("/proc/self/ns/pid", &about) == 0 && about.st_ino == first_pid_namespace;
}

}  // namespace omnilink::interceptor::cgroup
