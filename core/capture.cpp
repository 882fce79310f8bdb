#include "core/capture.hpp"

#include <algorithm>
#include <charconv>

#include "core/control.hpp"
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

// Of what a shell shows; a quote would end the string in the rules.
bool is_cgroup_path(const std::string& path) noexcept {
  if (path.size() > capture_path_max) return false;
  if (std::ranges::any_of(path, [](char c) { return is_control(c) || c == '"'; })) return false;
  return path.find("/../") == path.npos && !path.starts_with("../") && !path.ends_with("/..") && path != "..";
}

bool has_both_families(const std::vector<cidr>& networks) noexcept {
  const auto is_v6 = [](const cidr& n) { return n.network.is_v6(); };
  return networks.empty() || (std::ranges::any_of(networks, is_v6) && !std::ranges::all_of(networks, is_v6));
}

bool meet(const std::vector<cidr>& a, const std::vector<cidr>& b) noexcept {
  return has_both_families(a) || has_both_families(b) || a.front().network.is_v6() == b.front().network.is_v6();
}

std::optional<std::uint32_t> parse_bits(std::string_view text) noexcept {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  std::uint32_t out = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out, hex ? 16 : 10);
  if (wrong != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
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
  return ports.empty() && networks.empty() && uids.empty() && gids.empty() && interfaces.empty() && sources.empty() && marks.empty() &&
         cgroup.empty() && executables.empty() && processes.empty() && pids.empty();
}

std::string_view capture::beyond_packets() const noexcept {
  if (!executables.empty()) return "exe";
  if (!processes.empty()) return "process";
  if (!pids.empty()) return "pid";
  if (deny != 0) return "deny";
  if (!rewrites.empty()) return "rewrite";
  return {};
}

std::string_view capture::beyond_programs() const noexcept {
  if (!interfaces.empty()) return "iface";
  if (!marks.empty()) return "mark";
  if (!sources.empty()) return "source";
  return {};
}

std::string capture::validate() const {
  if (empty()) {
    return "capture has no condition; say what is to be taken: port, cidr, source, uid, gid, cgroup, iface or mark, by a cgroup listener also "
           "exe, process or pid (everything: cidr = "
           "[\"0.0.0.0/0\", \"::/0\"])";
  }
  const std::size_t most = std::max({ports.size(), networks.size(), uids.size(), gids.size(), interfaces.size(), sources.size(),
                                     executables.size(), processes.size(), pids.size(), rewrites.size()});
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
  if (direction != way::out && !beyond_packets().empty()) {
    return "capture: " + std::string{beyond_packets()} + " is about this machine's own programs; leave it out, or set direction = \"out\"";
  }
  if (marks.size() > capture_marks_max) return "capture has more than " + std::to_string(capture_marks_max) + " marks; use one with a mask";
  if (std::ranges::any_of(marks, [](const packet_mark& m) { return (m.value & ~m.mask) != 0; })) return "capture: a mark has bits outside of its mask";
  if (!meet(networks, sources)) return "capture: cidr and source are of different address families, so that nothing meets both";
  if (!is_cgroup_path(cgroup)) return "capture: " + quoted(cgroup) + " is not the path of a cgroup, such as \"/user.slice/user-1000.slice\"";
  if (direction != way::out && !(uids.empty() && gids.empty() && cgroup.empty())) {
    return "capture: uid, gid and cgroup are known of this machine's own programs only; leave them out, or set direction = \"out\"";
  }
  return {};
}

std::optional<packet_mark> parse_mark(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  const auto value = parse_bits(text.substr(0, slash));
  const auto mask = slash == text.npos ? packet_mark{}.mask : parse_bits(text.substr(slash + 1));
  if (!value || !mask || (*value & ~*mask) != 0) return std::nullopt;
  return packet_mark{*value, *mask};
}

std::optional<port_range> parse_port_range(std::string_view text) noexcept {
  const std::size_t dash = text.find('-');
  const auto first = parse_port(text.substr(0, dash));
  const auto last = dash == text.npos ? first : parse_port(text.substr(dash + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return port_range{*first, *last};
}

}  // namespace omnilink::core
