#include "cli/netd_log.hpp"

#include <unistd.h>

namespace omnilink::cli {

void netd_log::line(io::log::level how, std::string_view slug, std::initializer_list<io::log::field> fields) const {
  if (how < level_) return;
  const std::span all{fields.begin(), fields.size()};
  const auto now = std::chrono::system_clock::now();
  std::string text = format_ == io::log_config::format_kind::json ? io::log::format_json(now, how, slug, all)
                                                                  : io::log::format_text(now, how, slug, all);
  text += '\n';
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace omnilink::cli
