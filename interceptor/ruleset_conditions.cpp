#include "interceptor/ruleset_conditions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace omnilink::interceptor {
namespace {

using core::capture;
using way = core::capture::way;

template <class Values>
std::string set_of(const Values& values) {
  return fmt::format("{{ {} }}", fmt::join(values, ", "));
}

// Those of one family that no other one contains: overlapping intervals are an error in an anonymous set of nft 1.0.6.
std::vector<std::string> widest(const std::vector<core::cidr>& networks, bool v6) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const auto& n = networks[i];
    if (n.network.is_v6() != v6) continue;
    const auto covers = [&](const core::cidr& other) {
      const auto at = static_cast<std::size_t>(&other - networks.data());
      if (at == i || !other.contains(n.network) || other.prefix > n.prefix) return false;
      return other.prefix < n.prefix || at < i;  // of equal ones the first stays
    };
    if (std::ranges::none_of(networks, covers)) out.push_back(n.to_string());
  }
  return out;
}

std::vector<std::uint32_t> distinct(std::vector<std::uint32_t> ids) {
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

std::vector<std::string> distinct_names(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (const auto& name : names) out.push_back('"' + name + '"');
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// Where no network is named, this machine's own addresses are not meant: its loopback services would be cut off. And what comes by the
// loopback interface comes from this machine, from us for example on our way to the service whose port is captured.
std::string where_to(const capture& c) {
  constexpr const char* elsewhere = "fib daddr type != { local, broadcast, anycast, multicast } ";
  switch (c.direction) {
    case way::in: return "iifname != \"lo\" fib daddr type local ";
    case way::out: return c.networks.empty() ? elsewhere : "";
    case way::forward: return std::string{"iifname != \"lo\" "} + elsewhere;
  }
  return {};
}

// For both at once where no address is named.
std::vector<std::string> for_each_family(const capture& c, const std::string& common) {
  if (c.networks.empty() && c.sources.empty()) return {common};
  std::vector<std::string> out;
  for (const bool v6 : {false, true}) {
    const auto to = widest(c.networks, v6), from = widest(c.sources, v6);
    if ((to.empty() && !c.networks.empty()) || (from.empty() && !c.sources.empty())) continue;
    const char* ip = v6 ? "ip6" : "ip";
    std::string line = common;
    if (!from.empty()) line += fmt::format("{} saddr {} ", ip, set_of(from));
    if (!to.empty()) line += fmt::format("{} daddr {} ", ip, set_of(to));
    out.push_back(std::move(line));
  }
  return out;
}

std::vector<std::string> for_each_mark(const std::vector<core::packet_mark>& marks, const std::vector<std::string>& lines) {
  if (marks.empty()) return lines;
  std::vector<std::string> out;
  for (const auto& line : lines) {
    for (const auto& m : marks) out.push_back(line + fmt::format("meta mark & {:#x} == {:#x} ", m.mask, m.value));
  }
  return out;
}

}  // namespace

std::string port_set(std::vector<core::port_range> ports) {
  std::ranges::sort(ports, {}, &core::port_range::first);
  std::vector<core::port_range> merged;
  for (const auto& p : ports) {
    if (!merged.empty() && p.first <= merged.back().last + 1) {
      merged.back().last = std::max(merged.back().last, p.last);
    } else {
      merged.push_back(p);
    }
  }
  std::vector<std::string> text;
  for (const auto& p : merged)
    text.push_back(p.first == p.last ? fmt::to_string(p.first) : fmt::format("{}-{}", p.first, p.last));
  return set_of(text);
}

std::vector<std::string> conditions(const interception& of, std::string_view protocol) {
  const capture& c = of.what;
  if (!c.cgroup.empty() && of.cgroup.level == 0) return {};
  std::string common = fmt::format("meta l4proto {} ", protocol) + where_to(c);
  if (!c.cgroup.empty()) common += fmt::format("socket cgroupv2 level {} \"{}\" ", of.cgroup.level, of.cgroup.path);
  if (!c.uids.empty()) common += fmt::format("meta skuid {} ", set_of(distinct(c.uids)));
  if (!c.gids.empty()) common += fmt::format("meta skgid {} ", set_of(distinct(c.gids)));
  if (!c.interfaces.empty())
    common += fmt::format("{} {} ", c.direction == way::out ? "oifname" : "iifname", set_of(distinct_names(c.interfaces)));
  if (!c.ports.empty()) common += fmt::format("{} dport {} ", protocol, port_set(c.ports));
  return for_each_mark(c.marks, for_each_family(c, common));
}

}  // namespace omnilink::interceptor
