#include "io/process_usage.hpp"

#include <dirent.h>
#include <sys/resource.h>

#include <memory>

#include "io/memory.hpp"

namespace omnilink::io {
namespace {

double seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

std::optional<std::uint64_t> count_descriptors() {
  const auto close = [](DIR* folder) { ::closedir(folder); };
  const std::unique_ptr<DIR, decltype(close)> folder{::opendir("/proc/self/fd"), close};
  if (!folder) return std::nullopt;
  std::uint64_t entries = 0;
  while (::readdir(folder.get())) ++entries;
  return entries - 3;  // ".", "..", and the folder itself
}

}  // namespace

process_usage usage_of_this_process() {
  process_usage out;
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0) out.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0) out.descriptors_max = descriptors.rlim_cur;
  out.resident_bytes = resident_memory();
  out.descriptors = count_descriptors();
  return out;
}

}  // namespace omnilink::io
