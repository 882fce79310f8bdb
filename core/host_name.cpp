#include "core/host_name.hpp"

#include <algorithm>

namespace omnilink::core {
namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_hex_digit(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// inet_aton(3), and with it getaddrinfo(3), reads "0x7f000001" and "1.0x1" as IPv4 addresses.
bool is_number(std::string_view label) noexcept {
  if (label.starts_with("0x") || label.starts_with("0X")) {
    return std::all_of(label.begin() + 2, label.end(), is_hex_digit);
  }
  return std::all_of(label.begin(), label.end(), is_digit);
}

bool is_name_char(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

}  // namespace

bool valid_host_name(std::string_view name) noexcept {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > host_name_max) return false;
  std::size_t label = 0;
  for (char c : name) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    if (!is_name_char(c) || ++label > 63) return false;
  }
  return label != 0 && !is_number(name.substr(name.size() - label));
}

}  // namespace omnilink::core
