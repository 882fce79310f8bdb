#include "interceptor/ruleset_capture.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace omnilink::interceptor {
namespace {

using core::capture;
using way = core::capture::way;

template <class Values>
std::string set_of(const Values& values) {
  return fmt::format("{{ {} }}", fmt::join(values, ", "));
}

// Overlapping intervals are an error in an anonymous set of nft 1.0.6.
std::vector<std::string> merged(std::vector<core::port_range> ports) {
  std::ranges::sort(ports, {}, &core::port_range::first);
  std::vector<core::port_range> out;
  for (const auto& p : ports) {
    if (!out.empty() && p.first <= out.back().last + 1) {
      out.back().last = std::max(out.back().last, p.last);
    } else {
      out.push_back(p);
    }
  }
  std::vector<std::string> text;
  for (const auto& p : out)
    text.push_back(p.first == p.last ? fmt::to_string(p.first) : fmt::format("{}-{}", p.first, p.last));
  return text;
}

// Those of one family that no other one contains.
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

// Where no network is named, this machine's own addresses are not meant: its loopback services would be cut off.
std::string destination_kind(const capture& c) {
  switch (c.direction) {
    case way::in: return "fib daddr type local ";
    case way::out: return c.networks.empty() ? "fib daddr type != { local, broadcast, anycast, multicast } " : "";
    case way::forward: return "fib daddr type != { local, broadcast, anycast, multicast } ";
  }
  return {};
}

// One rule's conditions for each family that is named; one for both where none is.
std::vector<std::string> conditions(const capture& c) {
  std::string common = "meta l4proto tcp " + destination_kind(c);
  if (!c.uids.empty()) common += fmt::format("meta skuid {} ", set_of(distinct(c.uids)));
  if (!c.gids.empty()) common += fmt::format("meta skgid {} ", set_of(distinct(c.gids)));
  if (!c.interfaces.empty())
    common += fmt::format("{} {} ", c.direction == way::out ? "oifname" : "iifname", set_of(distinct_names(c.interfaces)));
  if (!c.ports.empty()) common += fmt::format("tcp dport {} ", set_of(merged(c.ports)));
  if (c.networks.empty()) return {common};
  std::vector<std::string> out;
  if (const auto v4 = widest(c.networks, false); !v4.empty()) out.push_back(common + fmt::format("ip daddr {} ", set_of(v4)));
  if (const auto v6 = widest(c.networks, true); !v6.empty()) out.push_back(common + fmt::format("ip6 daddr {} ", set_of(v6)));
  return out;
}

template <class Wanted>
std::string rules(std::span<const redirection> all, Wanted wanted, std::string_view (*target)(const redirection&, std::string&)) {
  std::string out, scratch;
  for (const auto& r : all) {
    if (!wanted(r)) continue;
    for (const auto& c : conditions(r.what)) out += fmt::format("    {}{}\n", c, target(r, scratch));
  }
  return out;
}

std::string_view to_listener(const redirection& r, std::string& scratch) {
  return scratch = fmt::format("redirect to :{}", r.port);
}
std::string_view to_refuse(const redirection&, std::string&) { return "jump refuse"; }

std::string exempt_rule(const exemption& own) {
  return fmt::format("    meta skuid {} meta skgid {} accept\n", own.uid, own.gid);
}

// A connection that was there before the table, and that conntrack meets in its middle, would be redirected into nowhere.
// And what somebody else's rule has translated already cannot be redirected once more; to ask that keeps conntrack, which
// running connections need, at work where no rule redirects any more.
constexpr const char* syn_guard =
    "    meta l4proto tcp tcp flags & (syn | ack) != syn accept\n"
    "    ct status & dnat == dnat accept\n";

std::string chain(std::string_view name, std::string_view hook, const std::string& body) {
  return fmt::format("  chain {} {{\n    type {}; policy accept;\n{}  }}\n", name, hook, body);
}

}  // namespace

std::string capture_ruleset(std::span<const redirection> all, const exemption& own) {
  const auto leaves = [](const redirection& r) { return r.what.direction == way::out; };
  const auto arrives = [](const redirection& r) { return r.what.direction != way::out; };
  return fmt::format("table {} {{\n  flags owner;\n", capture_table) +
         chain("output", "nat hook output priority -100", syn_guard + exempt_rule(own) + rules(all, leaves, to_listener)) +
         chain("prerouting", "nat hook prerouting priority -100", syn_guard + rules(all, arrives, to_listener)) + "}\n";
}

std::string guard_ruleset(std::span<const redirection> all, const exemption& own) {
  if (std::ranges::none_of(all, &redirection::fail_closed)) return {};
  const auto guarded = [&](way direction) {
    return rules(all, [&](const redirection& r) { return r.fail_closed && r.what.direction == direction; }, to_refuse);
  };
  // Behind nat: what was redirected goes to our listener now and does not look like captured traffic any more.
  return fmt::format("table {} {{\n", guard_table) +
         chain("output", "filter hook output priority 10", exempt_rule(own) + guarded(way::out)) +
         chain("input", "filter hook input priority 10", guarded(way::in)) +
         chain("forward", "filter hook forward priority 10", guarded(way::forward)) +
         "  chain refuse {\n"
         "    ct status & dnat == dnat return\n"
         "    tcp flags & (syn | ack) == syn reject with tcp reset\n"
         // The end of a connection that we carried and that conntrack has forgotten would go out as it is. Its data cannot be told
         // from that of a connection which was there before us: conntrack takes both up as new (nf_conntrack_tcp_loose).
         "    ct state invalid drop\n"
         "  }\n}\n";
}

}  // namespace omnilink::interceptor
