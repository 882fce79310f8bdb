#include "core/host_name.hpp"

namespace omnilink::core {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_name_char(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

}  // namespace

bool valid_host_name(std::string_view name) noexcept {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > host_name_max) return false;
  std::size_t label = 0;
  bool all_digits = true;
  for (char c : name) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      all_digits = true;
      continue;
    }
    if (!is_name_char(c) || ++label > 63) return false;
    all_digits = all_digits && is_digit(c);
  }
  return label != 0 && !all_digits;
}

}  // namespace omnilink::core
