#include "io/descriptor_limit.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <limits>

#include "io/descriptor.hpp"

namespace omnilink::io {
namespace {

constexpr std::uint64_t number_max = std::numeric_limits<int>::max();

std::atomic<int> reserve_begin{std::numeric_limits<int>::max()};

}  // namespace

descriptor_limits descriptor_limit() noexcept {
  rlimit found{};
  if (::getrlimit(RLIMIT_NOFILE, &found) != 0) return {};
  return {std::min<std::uint64_t>(found.rlim_cur, number_max), std::min<std::uint64_t>(found.rlim_max, number_max)};
}

bool raise_descriptor_limit() noexcept {
  rlimit wanted{};
  if (::getrlimit(RLIMIT_NOFILE, &wanted) != 0) return false;
  wanted.rlim_cur = wanted.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &wanted) == 0;
}

std::uint32_t open_descriptors() noexcept {
  DIR* const all = ::opendir("/proc/self/fd");
  if (!all) return 0;
  std::uint32_t count = 0;
  while (::readdir(all) != nullptr) ++count;
  ::closedir(all);
  constexpr std::uint32_t no_descriptors = 3;  // ".", "..", and the one that reads this
  return count - std::min(count, no_descriptors);
}

void keep_descriptor_reserve() noexcept {
  const auto limit = static_cast<int>(descriptor_limit().now);
  reserve_begin.store(std::max(0, limit - descriptor_reserve), std::memory_order_relaxed);
}

bool in_descriptor_reserve(int fd) noexcept { return fd >= reserve_begin.load(std::memory_order_relaxed); }

bool only_reserve_is_left() noexcept {
  const descriptor next{::open("/", O_PATH | O_CLOEXEC)};
  return !next || in_descriptor_reserve(next.get());
}

}  // namespace omnilink::io
