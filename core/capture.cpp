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
  return ports.empty() && networks.empty() && uids.empty() && gids.empty() && interfaces.empty() && executables.empty() &&
         processes.empty() && pids.empty() && cgroup.empty();
}

std::string_view capture::beyond_packets() const noexcept {
  if (!executables.empty()) return "exe";
  if (!processes.empty()) return "process";
  if (!pids.empty()) return "pid";
  if (!cgroup.empty()) return "cgroup";
  if (deny != 0) return "deny";
  if (!rewrites.empty()) return "rewrite";
  return {};
}

std::string capture::validate() const {
  if (empty()) {
    return "capture has no condition; say what is to be taken: port, cidr, uid, gid or iface, by a cgroup listener also exe, process, "
           "pid or cgroup (everything: cidr = "
           "[\"0.0.0.0/0\", \"::/0\"])";
  }
  const std::size_t most = std::max({ports.size(), networks.size(), uids.size(), gids.size(), interfaces.size(), executables.size(),
                                     processes.size(), pids.size(), rewrites.size()});
  if (most > capture_values_max) {
    return "capture has more than " + std::to_string(capture_values_max) + " values of one kind; use ranges and networks";
  }
  if (!std::ranges::all_of(ports, is_range)) return "capture: a port is 1 to 65535, or a range such as \"8000-8100\"";
  for (const auto& name : interfaces) {
    if (!is_interface_name(name)) return "capture: " + quoted(name) + " is not the name of an interface";
  }
  if (!std::ranges::all_of(rewrites, [](const port_rewrite& r) { return r.from != 0 && r.to != 0; }))
    return "capture: rewrite changes a port to a port, 1 to 65535: { 80 = 8080 }";
  if (deny != 0 && !rewrites.empty()) return "capture: both deny and rewrite; use a listener for each";
  if (const auto long_name = std::ranges::find_if(processes, [](const auto& n) { return n.empty() || n.size() > process_name_max; });
      long_name != processes.end())
    return "capture: the kernel knows 1 to 15 bytes of a program's name, which " + quoted(*long_name) + " is not; use exe";
  for (const auto& path : executables) {
    if (!path.starts_with('/') || path.size() > capture_path_max) return "capture: exe is the absolute path of a program, which " + quoted(path) + " is not";
  }
  if (cgroup.size() > capture_path_max) return "capture: the path of the cgroup is too long";
  if (direction != way::out && !beyond_packets().empty()) {
    return "capture: " + std::string{beyond_packets()} + " is about this machine's own programs; leave it out, or set direction = \"out\"";
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
