// A directory of a test's own, gone when the test is over.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace omnilink::cli {

class scratch {
 public:
  scratch() {
    std::string pattern = testing::TempDir() + "/omnilink-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~scratch() { std::filesystem::remove_all(path_); }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;

  const std::string& path() const { return path_; }
  std::string write(const std::string& name, std::string_view text, mode_t mode = 0600) const {
    const std::string file = path_ + "/" + name;
    std::ofstream{file, std::ios::binary} << text;
    ::chmod(file.c_str(), mode);
    return file;
  }

 private:
  std::string path_;
};

}  // namespace omnilink::cli
