// The files of a configuration: itself, and what it names (logins, keys). All of them are opened here, so that a service without
// privileges can be given what a process with privileges has opened for it.
#pragma once

#include <functional>
#include <string>

#include "io/descriptor.hpp"

namespace omnilink::io {

/// For reading, from its begin. Empty: errno says why.
descriptor open_config_file(const std::string& path);

using file_opener = std::function<descriptor(const std::string& path)>;

/// How it is usually done. May it not wait, a pipe that nobody writes to ends with EAGAIN or at once.
descriptor open_by_path(const std::string& path, bool may_wait = true);

/// While it lives, open_config_file() on this thread is `opener`.
class opener_in_use {
 public:
  explicit opener_in_use(file_opener opener);
  ~opener_in_use();
  opener_in_use(const opener_in_use&) = delete;
  opener_in_use& operator=(const opener_in_use&) = delete;
};

/// One file that another process opened for this one.
struct opened_file {
  std::string path;
  int system_errno = 0;  ///< why there is no file; 0: there is
  descriptor file;
};

}  // namespace omnilink::io
