#include "interceptor/cgroup_watch.hpp"

#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "interceptor/cgroup/place.hpp"

namespace omnilink::interceptor {
namespace {

namespace fs = std::filesystem;

// A hierarchy with more directories than this is not searched for a name.
constexpr int looked_at_max = 20000;

std::string find_by_name(const std::string& mount, const std::string& name) {
  std::error_code ignored;
  int looked_at = 0;
  for (auto i = fs::recursive_directory_iterator{mount, fs::directory_options::skip_permission_denied, ignored};
       i != fs::recursive_directory_iterator{} && looked_at < looked_at_max; i.increment(ignored), ++looked_at) {
    if (i->path().filename() == name && i->is_directory(ignored)) return i->path().string();
  }
  return mount + '/' + name;
}

std::string directory_of(const std::string& wanted) {
  const std::string mount = cgroup::mount_point();
  if (mount.empty()) return {};
  if (wanted.find('/') == wanted.npos) return find_by_name(mount, wanted);
  std::string path = wanted;
  if (path.starts_with(mount + '/')) path.erase(0, mount.size());
  while (path.ends_with('/')) path.pop_back();
  return path.starts_with('/') ? mount + path : mount + '/' + path;
}

std::uint64_t number_of(const std::string& directory) noexcept {
  struct stat about {};
  return ::stat(directory.c_str(), &about) == 0 && S_ISDIR(about.st_mode) ? about.st_ino : 0;
}

}  // namespace

void cgroup_watch::watch(const std::vector<std::string>& wanted) {
  all_.clear();
  changes_.reset();
  for (const auto& one : wanted) all_.push_back({one, directory_of(one), 0});
  if (all_.empty()) return;
  changes_ = io::descriptor{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
  listen();
  const auto now = numbers();
  for (std::size_t i = 0; i < all_.size(); ++i) all_[i].number = now[i];
}

nft_cgroup cgroup_watch::find(const std::string& wanted) const {
  const auto found = std::ranges::find(all_, wanted, &watched::wanted);
  if (found == all_.end() || found->number == 0) return {};
  const std::string below = found->directory.substr(cgroup::mount_point().size());
  // nft looks below /sys/fs/cgroup, where only a part of a hybrid system's hierarchies, or nothing at all, may be.
  return {static_cast<unsigned>(std::ranges::count(below, '/')), "../../.." + found->directory};
}

bool cgroup_watch::changed() {
  alignas(inotify_event) char bytes[4096];
  while (::read(changes_.get(), bytes, sizeof bytes) > 0) {
  }
  listen();
  const auto now = numbers();
  bool differs = false;
  for (std::size_t i = 0; i < all_.size(); ++i) differs |= std::exchange(all_[i].number, now[i]) != now[i];
  return differs;
}

// To every directory on the way there, as far as there is one.
void cgroup_watch::listen() {
  for (const auto& one : all_) {
    for (fs::path at = fs::path{one.directory}.parent_path(); at.has_relative_path(); at = at.parent_path())
      ::inotify_add_watch(changes_.get(), at.c_str(), IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR);
  }
}

std::vector<std::uint64_t> cgroup_watch::numbers() {
  std::vector<std::uint64_t> out;
  for (const auto& one : all_) out.push_back(number_of(one.directory));
  return out;
}

}  // namespace omnilink::interceptor
