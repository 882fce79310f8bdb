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

std::vector<std::string> conditions(const capture& c, std::string_view protocol) {
  std::string common = fmt::format("meta l4proto {} ", protocol) + where_to(c);
  if (!c.uids.empty()) common += fmt::format("meta skuid {} ", set_of(distinct(c.uids)));
  if (!c.gids.empty()) common += fmt::format("meta skgid {} ", set_of(distinct(c.gids)));
  if (!c.interfaces.empty())
    common += fmt::format("{} {} ", c.direction == way::out ? "oifname" : "iifname", set_of(distinct_names(c.interfaces)));
  if (!c.ports.empty()) common += fmt::format("{} dport {} ", protocol, port_set(c.ports));
  if (c.networks.empty()) return {common};
  std::vector<std::string> out;
  if (const auto v4 = widest(c.networks, false); !v4.empty()) out.push_back(common + fmt::format("ip daddr {} ", set_of(v4)));
  if (const auto v6 = widest(c.networks, true); !v6.empty()) out.push_back(common + fmt::format("ip6 daddr {} ", set_of(v6)));
  return out;
}

}  // namespace omnilink::interceptor
