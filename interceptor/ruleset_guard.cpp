#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "interceptor/ruleset_capture.hpp"
#include "interceptor/ruleset_words.hpp"

namespace omnilink::interceptor {
namespace {

using way = core::capture::way;
using core::mechanism;

struct closed_ones {
  std::vector<core::port_range> ports;  // redirect: of the listeners
  std::vector<std::string> marks;       // tproxy: that conntrack keeps of their connections
};

closed_ones closed_of(std::span<const interception> all) {
  closed_ones out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].fail_closed) continue;
    if (all[i].by == mechanism::redirect) out.ports.push_back({all[i].port, all[i].port});
    else out.marks.push_back(fmt::format("{:#x}", mark_of(i)));
  }
  return out;
}

// Connections that were ours, whose packets nothing brings to us any more: they would go on to where they wanted to go at first.
std::string cut_rules(const closed_ones& those) {
  std::string out;
  if (!those.ports.empty()) {
    const std::string ports = port_set(those.ports);
    out += fmt::format("    meta l4proto tcp ct direction original ct status & dnat == dnat ct reply proto-src {0} tcp dport != {0} reject with tcp reset\n", ports);
  }
  if (!those.marks.empty())
    out += fmt::format("    meta l4proto tcp ct direction original ct mark {{ {} }} meta mark & {:#x} != {:#x} reject with tcp reset\n",
                       fmt::join(those.marks, ", "), mark_mask, mark_base);
  return out;
}

std::string on_its_way(const closed_ones& those) {
  return those.marks.empty() ? std::string{} : fmt::format("    {} accept\n", has_our_mark("meta mark"));
}

}  // namespace

std::string guard_ruleset(std::span<const interception> all, const exemption& own) {
  if (std::ranges::none_of(all, &interception::fail_closed)) return {};
  const closed_ones those = closed_of(all);
  const auto guarded = [&](way direction) {
    return rules(all, [&](const interception& one) { return one.fail_closed && one.what.direction == direction; },
                 [](std::size_t, const interception&) { return "jump refuse"; });
  };
  const std::string cut = cut_rules(those);
  const std::string passes = on_its_way(those);
  // Behind nat and the marks: what was captured looks like it now.
  return fmt::format("table {} {{\n", guard_table) +
         "  chain refuse {\n"
         "    ct status & dnat == dnat return\n"
         "    tcp flags & (syn | ack) == syn reject with tcp reset\n"
         // The end of a connection that we carried and that conntrack has forgotten would go out as it is. Its data cannot be told
         // from that of a connection which was there before us: conntrack takes both up as new (nf_conntrack_tcp_loose).
         "    ct state invalid drop\n"
         "  }\n" +
         chain("output", "filter hook output priority 10", exempt_rule(own) + passes + cut + guarded(way::out)) +
         chain("input", "filter hook input priority 10", passes + cut + guarded(way::in)) +
         chain("forward", "filter hook forward priority 10", cut + guarded(way::forward)) +
         // A marked packet that the rule of `ip rule` does not send to us any more.
         (those.marks.empty() ? std::string{}
                              : chain("postrouting", "filter hook postrouting priority 10",
                                      fmt::format("    {} oifname != \"lo\" drop\n", has_our_mark("meta mark")))) +
         udp_chains(all, own, true) + "}\n";
}

}  // namespace omnilink::interceptor
