// netd's few lines, in the log's format. It has no thread to spare for a log of its own, and no payload that could wait.
#pragma once

#include <initializer_list>

#include "io/log.hpp"

namespace omnilink::cli {

class netd_log {
 public:
  explicit netd_log(const io::log_config& config) : level_{config.level}, format_{config.format} {}
  void line(io::log::level how, std::string_view slug, std::initializer_list<io::log::field> fields = {}) const;

 private:
  io::log::level level_;
  io::log_config::format_kind format_;
};

}  // namespace omnilink::cli
