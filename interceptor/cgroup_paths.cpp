#include "interceptor/cgroup_paths.hpp"

#include <sys/stat.h>

#include <filesystem>

#include "interceptor/cgroup/place.hpp"

namespace omnilink::interceptor {
namespace {

// Ids that nobody has seen come from groups that are younger than the last look, or gone; a program that opens connections in ever
// new groups shall not keep a thread busy.
constexpr core::nanoseconds walk_pause = std::chrono::seconds{1};
// Machines with thousands of containers have some ten thousand.
constexpr std::size_t groups_max = 65536;

}  // namespace

cgroup_paths::cgroup_paths() : root_{cgroup::mount_point()} {}

std::string cgroup_paths::find(std::uint64_t id) {
  if (id == 0 || root_.empty()) return {};
  const auto known = known_.find(id);
  if (known != known_.end()) return known->second;
  const auto now = core::clock::now();
  if (now < next_walk_) return {};
  walk();
  next_walk_ = now + walk_pause;
  const auto found = known_.find(id);
  return found == known_.end() ? std::string{} : found->second;
}

// The id of a group is its directory's inode.
void cgroup_paths::walk() {
  known_.clear();
  const auto add = [this](const std::string& directory) {
    struct stat about;
    if (::stat(directory.c_str(), &about) == 0) known_[about.st_ino] = directory == root_ ? "/" : directory.substr(root_.size());
  };
  add(root_);
  std::error_code error;
  using walker = std::filesystem::recursive_directory_iterator;
  for (walker at{root_, std::filesystem::directory_options::skip_permission_denied, error}, end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (!at->is_directory(ignored)) continue;
    if (known_.size() == groups_max) return;
    add(at->path().string());
  }
}

}  // namespace omnilink::interceptor
