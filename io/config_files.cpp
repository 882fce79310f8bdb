#include "io/config_files.hpp"

#include <fcntl.h>

#include <utility>

namespace omnilink::io {
namespace {

thread_local file_opener opener_of_thread;

}  // namespace

descriptor open_config_file(const std::string& path) { return opener_of_thread ? opener_of_thread(path) : open_by_path(path); }

descriptor open_by_path(const std::string& path, bool may_wait) {
  // To open a pipe waits for its other end, whatever it is found to be then.
  descriptor out{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
  if (out && may_wait) ::fcntl(out.get(), F_SETFL, 0);
  return out;
}

opener_in_use::opener_in_use(file_opener opener) { opener_of_thread = std::move(opener); }
opener_in_use::~opener_in_use() { opener_of_thread = nullptr; }

}  // namespace omnilink::io
