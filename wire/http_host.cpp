#include "wire/http_host.hpp"

#include <algorithm>
#include <optional>

#include "wire/byte_codec.hpp"
#include "wire/http_head.hpp"

namespace omnilink::wire {
namespace {

constexpr std::size_t method_max = 16;  // the longest registered one has 16 letters

const first_name incomplete{first_name::state::incomplete, {}};

bool is_upper(char c) noexcept {
  return c >= 'A' && c <= 'Z';
}

// Most other protocols are told apart by their first line's first characters.
bool may_be_request(std::string_view begin) noexcept {
  const auto end = std::find_if_not(begin.begin(), begin.end(), is_upper);
  const auto letters = static_cast<std::size_t>(end - begin.begin());
  return letters <= method_max && (end == begin.end() || (letters > 0 && *end == ' '));
}

// To an origin: a request in absolute form is meant for a proxy, and names the target itself.
bool is_to_origin(std::string_view line) noexcept {
  const std::size_t first = line.find(' '), last = line.rfind(' ');
  if (first == line.npos || first == last) return false;
  const std::string_view target = line.substr(first + 1, last - first - 1), version = line.substr(last + 1);
  const bool is_known = version.starts_with(http_protocol_name) && check_http_version(version.substr(http_protocol_name.size())) == errc::ok;
  return is_known && (target.starts_with('/') || target == "*");
}

std::string_view without_port(std::string_view host) noexcept {
  const std::size_t colon = host.find(':');
  return host.substr(0, colon);
}

}  // namespace

first_name http_host_name(bytes begin) {
  std::string_view rest = as_text(begin);
  if (!may_be_request(rest)) return {};
  head_budget budget;
  std::optional<std::string_view> host;
  for (bool is_first = true;; is_first = false) {
    const std::size_t end = rest.find("\r\n");
    if (end == rest.npos) return incomplete;
    const auto line = budget.take_line(as_bytes(rest.substr(0, end + 2)));
    rest.remove_prefix(end + 2);
    if (!line) return {};
    if (is_first) {
      if (!is_to_origin(*line)) return {};
      continue;
    }
    if (line->empty()) break;
    if (budget.take_field(*line) != errc::ok) return {};
    const auto field = parse_field(*line);
    if (!same_word(field->name, "host")) continue;
    if (host) return {};
    host = field->value;
  }
  return host ? checked_name(without_port(*host)) : first_name{};
}

}  // namespace omnilink::wire
