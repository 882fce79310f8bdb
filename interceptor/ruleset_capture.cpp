#include "interceptor/ruleset_capture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "interceptor/ruleset_words.hpp"

namespace omnilink::interceptor {
namespace {

using way = core::capture::way;
using core::mechanism;
using all_of_them = std::span<const interception>;

bool leaves(const interception& one) noexcept { return one.what.direction == way::out; }
bool uses(all_of_them all, mechanism by) {
  return std::ranges::any_of(all, [by](const interception& one) { return one.by == by; });
}

// A connection that was there before the table, and that conntrack meets in its middle, would be redirected into nowhere.
constexpr const char* syn_guard = "    meta l4proto tcp tcp flags & (syn | ack) != syn accept\n";
// What somebody else's rule has translated already cannot be redirected once more; to ask that keeps conntrack, which
// running connections need, at work where no rule redirects any more.
constexpr const char* translated = "    ct status & dnat == dnat accept\n";

std::string nat_chains(const std::string& output, const std::string& prerouting) {
  return chain("output", "nat hook output priority -100", std::string{syn_guard} + translated + output) +
         chain("prerouting", "nat hook prerouting priority -100", std::string{syn_guard} + translated + prerouting);
}

// A rule that is not ours may send what we dial back to us. Every packet that this machine sends comes by here: what all but a few
// are not is asked first, and who sends it, which takes a lock, towards the end.
std::string tag_ours(all_of_them all, const exemption& own) {
  std::vector<core::port_range> ports;
  for (const auto& one : all) {
    if (one.by == mechanism::redirect) ports.push_back({one.port, one.port});
  }
  const std::string when = fmt::format("    tcp dport {} {} fib daddr type local ", port_set(ports), sent_by(own));
  return chain("tag", "filter hook output priority 10", syn_guard + fmt::format("{0}ip ttl set {1}\n{0}ip6 hoplimit set {1}\n", when, ttl_of_ours));
}

std::string redirects(all_of_them all, const exemption& own) {
  const auto to_listener = [](std::size_t, const interception& one) { return fmt::format("redirect to :{}", one.port); };
  const auto outgoing = [](const interception& one) { return one.by == mechanism::redirect && leaves(one); };
  const auto arriving = [](const interception& one) { return one.by == mechanism::redirect && !leaves(one); };
  return nat_chains(exempt_rule(own) + rules(all, outgoing, to_listener), rules(all, arriving, to_listener)) + tag_ours(all, own);
}

// Programs of this machine: what they send gets a mark, is routed once more, and comes in by the loopback interface. Which packets of
// running connections, and which SYN that is sent again, are ours conntrack remembers; those the other way, to a client elsewhere, are not
// to be touched. Who sends takes a lock to find out, so only a SYN is asked. One of ours may meet what conntrack kept of a client that was
// never answered.
std::string tproxy_output(const exemption& own, const std::string& fresh) {
  const std::string remembered = fmt::format("    ct direction original {} meta mark set ct mark accept\n", has_our_mark("ct mark"));
  return fmt::format("  chain tproxy_fresh {{\n    {} {} ct mark set 0\n{}{}{}  }}\n", has_our_mark("ct mark"), sent_by(own), exempt_rule(own), remembered,
                     fresh) +
         chain("tproxy_output", "route hook output priority -150",
               "    meta l4proto != tcp accept\n"
               "    tcp flags & (syn | ack) == syn goto tproxy_fresh\n" + remembered);
}

// Packets of a connection that a listener's socket has belong to it. A SYN goes to the listener also where an ended connection had the
// same addresses. What comes by the loopback interface has its mark, if any, from tproxy_output.
std::string tproxy_prerouting(const std::string& fresh) {
  return chain("tproxy_prerouting", "filter hook prerouting priority -150",
               fmt::format("    meta l4proto != tcp accept\n"
                           "    iif \"lo\" tcp flags & (syn | ack) != syn accept\n"
                           "    tcp flags & (syn | ack) != syn socket transparent 1 meta mark set {:#x} accept\n{}{}",
                           mark_of_known, syn_guard, fresh));
}

// To the listener, in the family in which it has sockets. Without one a tproxy statement lets the packet pass (A12).
std::string to_listener(std::size_t index, const interception& one) {
  std::string out = fmt::format("  chain tproxy_{} {{\n", index);
  if (one.fail_closed) out += fmt::format("    ct mark set {:#x}\n", mark_of(index));
  constexpr const char* form = "    meta nfproto {} meta l4proto tcp tproxy {} to {}:{} meta mark set {:#x} accept\n";
  out += fmt::format(form, "ipv4", "ip", "127.0.0.1", one.port, mark_of(index));
  out += fmt::format(form, "ipv6", "ip6", "[::1]", one.port, mark_of(index));
  if (one.fail_closed) out += "    meta l4proto tcp reject with tcp reset\n";
  return out + "  }\n";
}

std::string transparent(all_of_them all, const exemption& own) {
  const auto outgoing = [](const interception& one) { return one.by == mechanism::tproxy && leaves(one); };
  const auto arriving = [](const interception& one) { return one.by == mechanism::tproxy && !leaves(one); };
  const auto marked = [](std::size_t i, const interception&) { return fmt::format("meta mark set {0:#x} ct mark set {0:#x} accept", mark_of(i)); };
  const auto onward = [](std::size_t i, const interception&) { return fmt::format("goto tproxy_{}", i); };
  std::string targets, looped;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].by != mechanism::tproxy) continue;
    targets += to_listener(i, all[i]);
    if (leaves(all[i])) looped += fmt::format("    iifname \"lo\" meta mark {:#x} goto tproxy_{}\n", mark_of(i), i);
  }
  return targets + tproxy_output(own, rules(all, outgoing, marked)) + tproxy_prerouting(looped + rules(all, arriving, onward));
}

std::string table(const std::string& chains) { return fmt::format("table {} {{\n  flags owner;\n{}}}\n", capture_table, chains); }

}  // namespace

std::string capture_ruleset(all_of_them all, const exemption& own) {
  return table((uses(all, mechanism::redirect) ? redirects(all, own) : std::string{}) +
               (uses(all, mechanism::tproxy) ? transparent(all, own) : std::string{}) + udp_chains(all, own, false));
}

std::string udp_chains(all_of_them all, const exemption& own, bool fail_closed) {
  const auto wanted = [fail_closed](const interception& one) { return one.reject_udp && one.fail_closed == fail_closed; };
  if (std::ranges::none_of(all, wanted)) return {};
  const auto rejected = [&](way direction) {
    return rules(all, [&](const interception& one) { return wanted(one) && one.what.direction == direction; },
                 [](std::size_t, const interception&) { return "reject"; }, "udp");
  };
  return chain("udp_output", "filter hook output priority 10", exempt_rule(own) + rejected(way::out)) +
         chain("udp_input", "filter hook input priority 10", rejected(way::in)) +
         chain("udp_forward", "filter hook forward priority 10", rejected(way::forward));
}

std::string withdrawn_ruleset(all_of_them all, const exemption& own) {
  return table((uses(all, mechanism::redirect) ? nat_chains({}, {}) : std::string{}) +
               (uses(all, mechanism::tproxy) ? tproxy_output(own, {}) + tproxy_prerouting({}) : std::string{}));
}

}  // namespace omnilink::interceptor
