#include "interceptor/ruleset_capture.hpp"

#include <gtest/gtest.h>


namespace omnilink::interceptor {
namespace {

using way = core::capture::way;
constexpr exemption own{28524, 28525};

core::capture capturing(way direction, std::initializer_list<core::port_range> ports) {
  core::capture out;
  out.direction = direction;
  out.ports = ports;
  return out;
}

std::size_t at(const std::string& rules, std::string_view line) {
  const auto found = rules.find(line);
  EXPECT_NE(found, std::string::npos) << line << " is not in\n" << rules;
  return found;
}
bool has(const std::string& rules, std::string_view line) { return rules.find(line) != std::string::npos; }

TEST(ruleset_capture, goes_with_its_owner_and_spares_running_connections_and_our_own) {
  const interception one{capturing(way::out, {{80, 80}}), 15000, true};
  const std::string rules = capture_ruleset({&one, 1}, own);
  at(rules, "flags owner;");
  const auto syn = at(rules, "tcp flags & (syn | ack) != syn accept\n");
  const auto exempt = at(rules, "meta skuid 28524 meta skgid 28525 accept\n");
  const auto taken = at(rules, "tcp dport { 80 } redirect to :15000\n");
  EXPECT_LT(syn, exempt);
  EXPECT_LT(exempt, taken);
}

TEST(ruleset_capture, A8_a_condition_without_addresses_takes_both_families) {
  const interception one{capturing(way::out, {{443, 443}}), 15000, true};
  const std::string rules = capture_ruleset({&one, 1}, own);
  EXPECT_TRUE(has(rules, "table inet omnilink {"));
  EXPECT_TRUE(has(rules, "meta l4proto tcp fib daddr type != { local, broadcast, anycast, multicast } tcp dport { 443 } redirect"));
  EXPECT_FALSE(has(rules, "nfproto"));
  EXPECT_FALSE(has(rules, "ip daddr"));
}

TEST(ruleset_capture, every_condition_stands_in_its_rule) {
  interception one{capturing(way::out, {{80, 80}, {8000, 8100}}), 15000, true};
  one.what.networks = {*core::cidr::parse("203.0.113.0/24"), *core::cidr::parse("2001:db8::/32")};
  one.what.uids = {1000, 33};
  one.what.gids = {100};
  one.what.interfaces = {"eth0"};
  const std::string rules = capture_ruleset({&one, 1}, own);
  const std::string common = "meta skuid { 33, 1000 } meta skgid { 100 } oifname { \"eth0\" } tcp dport { 80, 8000-8100 } ";
  at(rules, common + "ip daddr { 203.0.113.0/24 } redirect to :15000\n");
  at(rules, common + "ip6 daddr { 2001:db8::/32 } redirect to :15000\n");
  EXPECT_FALSE(has(rules, "fib daddr type !=")) << "a named network may be this machine's own";
}

TEST(ruleset_capture, sources_marks_and_cgroups_are_conditions_beside_the_others) {
  interception one{capturing(way::out, {{80, 80}}), 1, true};
  one.what.sources = {*core::cidr::parse("198.51.100.0/24"), *core::cidr::parse("2001:db8::/32")};
  one.what.networks = {*core::cidr::parse("203.0.113.0/24")};
  one.what.marks = {{0x10, 0xf0}, {7, 0xffffffff}};
  one.what.cgroup = "/user.slice/one";
  EXPECT_FALSE(has(capture_ruleset({&one, 1}, own), "redirect to :1\n")) << "the cgroup is not there: not everything is meant";
  one.cgroup = {2, "../../../cg/user.slice/one"};
  const std::string rules = capture_ruleset({&one, 1}, own);
  const std::string common = "socket cgroupv2 level 2 \"../../../cg/user.slice/one\" tcp dport { 80 } ip saddr { 198.51.100.0/24 } ip daddr { 203.0.113.0/24 } ";
  at(rules, common + "meta mark & 0xf0 == 0x10 redirect to :1\n");
  at(rules, common + "meta mark & 0xffffffff == 0x7 redirect to :1\n");
  EXPECT_FALSE(has(rules, "ip6 daddr")) << "no destination of that family is named";
}

TEST(ruleset_capture, A9_udp_is_rejected_by_the_guard_or_with_the_rules) {
  interception one{capturing(way::out, {{443, 443}}), 1, true, core::mechanism::tproxy, true};
  const std::string reject = "meta l4proto udp fib daddr type != { local, broadcast, anycast, multicast } udp dport { 443 } reject\n";
  EXPECT_FALSE(has(capture_ruleset({&one, 1}, own), "udp"));
  const std::string guard = guard_ruleset({&one, 1}, own);
  EXPECT_LT(guard.find("meta skuid 28524", at(guard, "chain udp_output")), at(guard, reject));
  one.fail_closed = false;
  at(capture_ruleset({&one, 1}, own), reject);
}

TEST(ruleset_capture, what_overlaps_is_merged) {
  interception one{capturing(way::out, {{90, 100}, {80, 95}, {101, 101}, {443, 443}}), 1, true};
  for (const char* n : {"10.1.0.0/16", "10.0.0.0/8", "10.0.0.0/8", "192.0.2.0/24"}) one.what.networks.push_back(*core::cidr::parse(n));
  one.what.uids = {5, 5};
  const std::string rules = capture_ruleset({&one, 1}, own);
  at(rules, "meta skuid { 5 } tcp dport { 80-101, 443 } ip daddr { 10.0.0.0/8, 192.0.2.0/24 } redirect to :1\n");
}

TEST(ruleset_capture, each_direction_has_its_hook) {
  const interception all[] = {{capturing(way::in, {{9000, 9000}}), 1, true}, {capturing(way::forward, {{443, 443}}), 2, true}};
  const std::string rules = capture_ruleset(all, own);
  const auto prerouting = at(rules, "chain prerouting");
  EXPECT_GT(at(rules, "fib daddr type local tcp dport { 9000 } redirect to :1\n"), prerouting);
  EXPECT_GT(at(rules, "fib daddr type != { local, broadcast, anycast, multicast } tcp dport { 443 } redirect to :2\n"), prerouting);
  const std::string guard = guard_ruleset(all, own);
  const auto input = at(guard, "chain input"), forward = at(guard, "chain forward");
  const auto local = at(guard, "tcp dport { 9000 } jump refuse\n"), gateway = at(guard, "tcp dport { 443 } jump refuse\n");
  EXPECT_TRUE(input < local && local < forward && forward < gateway);
}

TEST(ruleset_capture, the_guard_is_nobody_s_and_holds_what_fails_closed_alone) {
  const interception all[] = {{capturing(way::out, {{80, 80}}), 1, true}, {capturing(way::out, {{81, 81}}), 1, false}};
  const std::string guard = guard_ruleset(all, own);
  EXPECT_FALSE(has(guard, "owner"));
  EXPECT_TRUE(has(guard, "tcp dport { 80 } jump refuse"));
  EXPECT_FALSE(has(guard, "81"));
  EXPECT_LT(at(guard, "meta skuid 28524 meta skgid 28525 accept\n"), at(guard, "jump refuse"));
  EXPECT_EQ(guard_ruleset({all + 1, 1}, own), "");
}

TEST(ruleset_capture, A11_what_conntrack_has_forgotten_does_not_leave) {
  const interception one{capturing(way::out, {{80, 80}}), 1, true};
  at(guard_ruleset({&one, 1}, own), "ct state invalid drop\n");
}

TEST(ruleset_capture, A12_behind_the_tproxy_statement_of_what_fails_closed_is_a_reject) {
  const interception all[] = {{capturing(way::forward, {{443, 443}}), 7, true, core::mechanism::tproxy},
                              {capturing(way::out, {{80, 80}}), 8, false, core::mechanism::tproxy}};
  const std::string rules = capture_ruleset(all, own);
  const auto to = at(rules, "tproxy ip6 to [::1]:7 meta mark set 0x6f6c6e01 accept\n    meta l4proto tcp reject with tcp reset\n");
  EXPECT_EQ(rules.find("reject", at(rules, "tproxy ip to 127.0.0.1:8")), rules.npos);
  EXPECT_GT(at(rules, "tcp dport { 443 } goto tproxy_0\n"), to);
  const auto exempt = at(rules, "meta skuid 28524 meta skgid 28525 accept\n");
  EXPECT_LT(exempt, at(rules, "tcp dport { 80 } meta mark set 0x6f6c6e02 ct mark set 0x6f6c6e02 accept\n"));
  EXPECT_LT(at(rules, "iifname \"lo\" meta mark 0x6f6c6e02 goto tproxy_1\n"), at(rules, "goto tproxy_0\n"));
  EXPECT_FALSE(has(rules, "type nat")) << "conntrack translates nothing for tproxy";
}

TEST(ruleset_capture, A2_what_we_dial_and_others_turn_to_our_listener_is_tagged) {
  const interception all[] = {{capturing(way::out, {{80, 80}}), 15000, true}, {capturing(way::out, {{81, 81}}), 15001, true, core::mechanism::tproxy}};
  const std::string rules = capture_ruleset(all, own);
  const std::string when = "    tcp dport { 15000 } meta skuid 28524 meta skgid 28525 fib daddr type local ";
  at(rules, "priority 10; policy accept;\n    meta l4proto tcp tcp flags & (syn | ack) != syn accept\n" + when + "ip ttl set 111\n");
  at(rules, when + "ip6 hoplimit set 111\n");
}

// Whoever takes nothing new still carries what runs, and the other way round a SYN never belongs to an old connection.
TEST(ruleset_capture, what_runs_is_recognized_before_and_after_the_rules) {
  const interception all[] = {{capturing(way::out, {{80, 80}}), 1, true}, {capturing(way::out, {{81, 81}}), 2, true, core::mechanism::tproxy}};
  for (const std::string& rules : {capture_ruleset(all, own), withdrawn_ruleset(all, own)}) {
    at(rules, "tcp flags & (syn | ack) != syn socket transparent 1 meta mark set 0x6f6c6e00 accept\n");
    at(rules, "type nat hook output");
    const std::string remembered = "ct direction original ct mark & 0xffffff00 == 0x6f6c6e00 meta mark set ct mark accept\n";
    const auto fresh = at(rules, "chain tproxy_fresh"), output = at(rules, "chain tproxy_output"), prerouting = at(rules, "chain tproxy_prerouting");
    EXPECT_LT(rules.find(remembered, fresh), output) << "a SYN that is sent again";
    EXPECT_LT(rules.find(remembered, output), prerouting) << "what runs";
    EXPECT_LT(rules.find("== syn goto tproxy_fresh\n", output), rules.find(remembered, output));
    const auto own_ones = rules.find("ct mark & 0xffffff00 == 0x6f6c6e00 meta skuid 28524 meta skgid 28525 ct mark set 0\n", fresh);
    EXPECT_LT(own_ones, rules.find("meta skuid 28524 meta skgid 28525 accept\n", fresh)) << "what is kept of a client is not our dial's";
    EXPECT_LT(rules.find("iif \"lo\" tcp flags & (syn | ack) != syn accept\n", prerouting), rules.find("socket transparent", prerouting));
  }
  const std::string withdrawn = withdrawn_ruleset(all, own);
  for (const char* taking : {"redirect to", "tproxy ip", "dport"}) EXPECT_FALSE(has(withdrawn, taking)) << taking;
}

TEST(ruleset_capture, A11_what_was_ours_and_is_not_brought_to_us_any_more_is_cut) {
  const interception all[] = {{capturing(way::out, {{80, 80}}), 15000, true},
                              {capturing(way::out, {{81, 81}}), 15001, true, core::mechanism::tproxy},
                              {capturing(way::out, {{82, 82}}), 15002, false, core::mechanism::tproxy}};
  const std::string guard = guard_ruleset(all, own);
  at(guard, "ct status & dnat == dnat ct reply proto-src { 15000 } tcp dport != { 15000 } reject with tcp reset\n");
  at(guard, "ct mark { 0x6f6c6e02 } meta mark & 0xffffff00 != 0x6f6c6e00 reject with tcp reset\n");
  at(guard, "meta mark & 0xffffff00 == 0x6f6c6e00 oifname != \"lo\" drop\n");
  EXPECT_FALSE(has(guard, "0x6f6c6e03"));
}

}  // namespace
}  // namespace omnilink::interceptor
