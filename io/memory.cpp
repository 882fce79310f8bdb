#include "io/memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "io/descriptor.hpp"

namespace omnilink::io {
namespace {

// The files asked here are shorter, but for memory.stat, whose first lines are what counts.
using text_buffer = std::array<char, 4096>;

std::string_view read(const char* path, text_buffer& into) noexcept {
  const descriptor file{::open(path, O_RDONLY | O_CLOEXEC)};
  const ssize_t size = file ? ::read(file.get(), into.data(), into.size()) : 0;
  return {into.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

// nullopt: no number, as "max".
std::optional<std::uint64_t> number(std::string_view text) noexcept {
  std::uint64_t out = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), out).ec != std::errc{}) return std::nullopt;
  return out;
}

std::optional<std::uint64_t> number_in(const std::string& path) noexcept {
  text_buffer space;
  return number(read(path.c_str(), space));
}

// The value behind `key` and a space at the beginning of a line.
std::uint64_t value_of(std::string_view key, std::string_view lines) noexcept {
  for (std::size_t at = lines.find(key); at != lines.npos; at = lines.find(key, at + 1)) {
    if (at == 0 || lines[at - 1] == '\n') return number(lines.substr(at + key.size())).value_or(0);
  }
  return 0;
}

}  // namespace

std::uint64_t resident_memory() noexcept {
  text_buffer space;
  const std::string_view text = read("/proc/self/statm", space);
  const auto second = text.find(' ');
  if (second == text.npos) return 0;
  return number(text.substr(second + 1)).value_or(0) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t physical_memory() noexcept {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  return pages > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

memory_group::memory_group(const std::string& groups, const std::string& self) {
  text_buffer space;
  std::string_view line = read(self.c_str(), space);
  constexpr std::string_view unified = "0::";
  const auto at = line.find(unified);
  if (at == line.npos) return;
  line = line.substr(at + unified.size());
  std::string path{line.substr(0, line.find('\n'))};
  std::optional<std::uint64_t> tightest;
  // Upwards; the root of the machine has no such file, the root of a container has.
  for (;;) {
    const std::string folder = groups + (path == "/" ? std::string{} : path);
    const auto limit = number_in(folder + "/memory.max");
    if (limit && (!tightest || *limit < *tightest)) {
      tightest = limit;
      folder_ = folder;
    }
    if (path.empty() || path == "/") return;
    path.erase(path.rfind('/'));
  }
}

std::optional<memory_use> memory_group::use() const noexcept {
  if (folder_.empty()) return std::nullopt;
  const auto limit = number_in(folder_ + "/memory.max");
  const auto current = number_in(folder_ + "/memory.current");
  if (!limit || !current) return std::nullopt;
  text_buffer space;
  const std::uint64_t files = value_of("inactive_file ", read((folder_ + "/memory.stat").c_str(), space));
  return memory_use{*current - std::min(*current, files), *limit};
}

}  // namespace omnilink::io
