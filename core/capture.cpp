#include "core/capture.hpp"

#include <algorithm>

#include "core/endpoint.hpp"
#include "core/nearest_word.hpp"

namespace omnilink::core {
namespace {

// What the kernel itself takes is more (dev_valid_name); of that, what may stand in rules without quoting.
bool is_interface_name(const std::string& name) noexcept {
  return !name.empty() && name.size() <= interface_name_max &&
         std::ranges::all_of(name, [](unsigned char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
         });
}

bool is_range(const port_range& r) noexcept { return r.first != 0 && r.first <= r.last; }

}  // namespace

std::string_view name_of(capture::way direction) noexcept {
  switch (direction) {
    case capture::way::out: return "out";
    case capture::way::in: return "in";
    case capture::way::forward: return "forward";
  }
  return "unknown";
}

bool capture::empty() const noexcept {
  return ports.empty() && networks.empty() && uids.empty() && gids.empty() && interfaces.empty();
}

std::string capture::validate() const {
  if (empty()) {
    return "capture has no condition; say what is to be taken: port, cidr, uid, gid or iface (everything: cidr = "
           "[\"0.0.0.0/0\", \"::/0\"])";
  }
  const std::size_t most = std::max({ports.size(), networks.size(), uids.size(), gids.size(), interfaces.size()});
  if (most > capture_values_max) {
    return "capture has more than " + std::to_string(capture_values_max) + " values of one kind; use ranges and networks";
  }
  if (!std::ranges::all_of(ports, is_range)) return "capture: a port is 1 to 65535, or a range such as \"8000-8100\"";
  for (const auto& name : interfaces) {
    if (!is_interface_name(name)) return "capture: " + quoted(name) + " is not the name of an interface";
  }
  if (direction != way::out && !(uids.empty() && gids.empty())) {
    return "capture: uid and gid are known of this machine's own programs only; leave them out, or set direction = \"out\"";
  }
  return {};
}

std::optional<port_range> parse_port_range(std::string_view text) noexcept {
  const std::size_t dash = text.find('-');
  const auto first = parse_port(text.substr(0, dash));
  const auto last = dash == text.npos ? first : parse_port(text.substr(dash + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return port_range{*first, *last};
}

}  // namespace omnilink::core
