#include "interceptor/bpf/pins.hpp"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace omnilink::interceptor::bpf {
namespace {

namespace fs = std::filesystem;

constexpr const char* file_system = "/sys/fs/bpf";
const std::string all = std::string{file_system} + "/omnilink";

bool is_mounted() noexcept {
  struct statfs about{};
  return ::statfs(file_system, &about) == 0 && about.f_type == BPF_FS_MAGIC;
}

long call(int command, bpf_attr& what) noexcept { return ::syscall(SYS_bpf, command, &what, sizeof what); }

// Without CAP_SYS_ADMIN, which looking a link up by its number would need.
bool detach(const std::string& path) noexcept {
  bpf_attr what{};
  what.pathname = reinterpret_cast<std::uintptr_t>(path.c_str());
  const io::descriptor link{static_cast<int>(call(BPF_OBJ_GET, what))};
  if (!link) return false;
  what = {};
  what.link_detach.link_fd = static_cast<std::uint32_t>(link.get());
  // A cgroup that is gone has let it go already.
  return call(BPF_LINK_DETACH, what) == 0 || errno == ENOLINK;
}

// The kernel lets go of it with the process, however that ends.
io::descriptor hold(const std::string& folder) noexcept {
  io::descriptor out{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (out && ::flock(out.get(), LOCK_EX | LOCK_NB) != 0) out.reset();
  return out;
}

}  // namespace

std::uint64_t netns_cookie() noexcept {
  const io::descriptor any{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  std::uint64_t out = 0;
  socklen_t size = sizeof out;
  return any && ::getsockopt(any.get(), SOL_SOCKET, SO_NETNS_COOKIE, &out, &size) == 0 ? out : 0;
}

std::string why_nothing_can_be_pinned() {
  if (is_mounted()) return {};
  return std::string{"fail = \"closed\" keeps its guard in a BPF file system, and none is at "} + file_system +
         ": mount -t bpf bpf /sys/fs/bpf, or set fail = \"open\"";
}

std::string pin_folder::make(std::uint64_t netns, std::string_view programs) {
  if (std::string wrong = why_nothing_can_be_pinned(); !wrong.empty()) return wrong;
  // The file system takes no name with a dot.
  const std::string path = all + "/" + std::to_string(netns) + "-" + std::to_string(::getpid()) + "-" + std::string{programs};
  const bool there = (::mkdir(all.c_str(), 0700) == 0 || errno == EEXIST) && (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST);
  if (!there || !(held_ = hold(path)))
    return path + ": " + std::strerror(errno) + "; fail = \"closed\" keeps its guard there: let omnilink write to it (systemd: ReadWritePaths=/sys/fs/bpf), "
           "or set fail = \"open\"";
  path_ = path;
  return {};
}

void pin_folder::remove_if_empty() noexcept {
  if (!made() || ::rmdir(path_.c_str()) != 0) return;
  path_.clear();
  held_.reset();
}

std::vector<pinned> find_pins(std::uint64_t netns) {
  std::vector<pinned> out;
  if (!is_mounted()) return out;
  std::error_code ignored;
  for (const auto& one : fs::directory_iterator{all, ignored}) {
    const std::string path = one.path().string();
    out.push_back({path, !hold(path), one.path().filename().string().starts_with(std::to_string(netns) + "-")});
  }
  return out;
}

std::string remove_pins(const std::string& folder) {
  std::error_code wrong;
  for (const auto& one : fs::directory_iterator{folder, wrong}) {
    const std::string path = one.path().string();
    if (!detach(path) || ::unlink(path.c_str()) != 0) return path + ": " + std::strerror(errno);
  }
  if (::rmdir(folder.c_str()) != 0) return folder + ": " + std::strerror(errno);
  return {};
}

void take_over(std::uint64_t netns) {
  for (const auto& old : find_pins(netns)) {
    if (old.here && !old.in_use) remove_pins(old.path);
  }
}

}  // namespace omnilink::interceptor::bpf
