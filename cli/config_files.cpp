#include "cli/config_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace omnilink::cli {
namespace {

// A second descriptor of the same open file, at its begin.
io::descriptor again(const io::opened_file& one) {
  if (one.system_errno != 0) {
    errno = one.system_errno;
    return {};
  }
  ::lseek(one.file.get(), 0, SEEK_SET);
  return io::descriptor{::fcntl(one.file.get(), F_DUPFD_CLOEXEC, 0)};
}

}  // namespace

std::vector<io::opened_file> record_files(const std::function<void()>& read) {
  std::vector<io::opened_file> out;
  const io::opener_in_use recording{[&out](const std::string& path) {
    auto known = std::ranges::find(out, path, &io::opened_file::path);
    if (known == out.end()) {
      io::descriptor file = io::open_by_path(path, false);
      const int system_errno = file ? 0 : errno;
      known = out.insert(out.end(), {path, system_errno, std::move(file)});
    }
    return again(*known);
  }};
  read();
  for (const auto& one : out) ::lseek(one.file.get(), 0, SEEK_SET);
  return out;
}

io::file_opener open_from(std::vector<io::opened_file> lent) {
  // A std::function is copied; descriptors are not.
  const auto all = std::make_shared<const std::vector<io::opened_file>>(std::move(lent));
  return [all](const std::string& path) {
    const auto known = std::ranges::find(*all, path, &io::opened_file::path);
    return known == all->end() ? io::open_by_path(path) : again(*known);
  };
}

}  // namespace omnilink::cli
