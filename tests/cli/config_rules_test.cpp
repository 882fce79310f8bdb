// [[rule]], [[sublayer]] and [[filter]] of the configuration file.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cli/config_errors.hpp"
#include "tests/cli/scratch.hpp"

namespace omnilink::cli {
namespace {

TEST(config_rules, rules) {
  settings s;
  const std::string text = R"(version = 1
[[hop]]
name = "paris"
url = "socks5://h"
[[chain]]
name = "out"
hops = ["paris"]
[[chain]]
name = "other"
hops = ["direct"]
[[rule]]
name = "web"
match = { port = [80, "8000-8100"], cidr = "10.0.0.0/8", host = ["*.example.com"], exe = "/usr/bin/curl", process = "curl", uid = 1000, gid = [1, 2], pid = 7, cgroup = "app.slice", protocol = 6, netns = 4026531840, interface = "eth0", listener = "mixed:*", source = "192.0.2.0/24", source_port = 5000, tag = "video", time = ["Mon-Fri 08:00-18:00", "Sat"] }
action = "redirect::8080"
[[rule]]
action = "chain:other"
enabled = false
on_change = "close"
[[rule]]
action = "chain:out"
)";
  EXPECT_EQ(joined(read_config(text, "o.toml", s)), "");
  ASSERT_EQ(s.service.rules.size(), 3u);
  const auto& web = s.service.rules[0];
  EXPECT_EQ(web.name, "web");
  EXPECT_EQ(web.matches.size(), interceptor::filter::match_keys().size()) << "the text above has every key";
  EXPECT_EQ(web.matches[0].key, "port");
  EXPECT_EQ(web.matches[0].values, (std::vector<std::string>{"80", "8000-8100"}));
  EXPECT_EQ(web.action, "redirect::8080");
  EXPECT_EQ(s.service.rules[1].name, "rule 2");
  EXPECT_FALSE(s.service.rules[1].enabled);
  EXPECT_EQ(s.service.rules[1].on_change, interceptor::filter::on_change::close);
  EXPECT_EQ(s.service.rules[2].on_change, interceptor::filter::on_change::keep);
  EXPECT_EQ(s.service.chains.size(), 2u);
}

TEST(config_rules, a_wrong_rule_has_its_place) {
  const std::string rule = "version = 1\n[[chain]]\nname = \"out\"\nhops = [\"direct\"]\n[[rule]]\n";
  expect_error(rule, ":5:1", "rule \"rule 1\": there is no action");
  expect_error(rule + "action = 1", ":6:10", "string");
  expect_error(rule + "action = \"drect\"", ":6:10", "rule \"rule 1\": there is no action \"drect\"; did you mean \"direct\"?");
  expect_error(rule + "name = \"ads\"\naction = \"chain:outt\"", ":7:10",
               "rule \"ads\": there is no chain \"outt\"; did you mean \"out\"?");
  expect_error(rule + "action = \"chain:direct\"", ":6:10", "write action = \"direct\"");
  expect_error(rule + "action = \"redirect:\"", ":6:10", "redirect");
  expect_error(rule + "action = \"callout:log\"", ":6:10", "rule \"rule 1\": there is no [[callout]] \"log\"");
  expect_error(rule + "action = \"direct\"\nmatch = { prt = 80 }", ":7:11", "unknown key \"prt\" in match; did you mean \"port\"?");
  expect_error(rule + "action = \"direct\"\nmatch = { port = [80, 70000] }", ":7:23", "70000");
  expect_error(rule + "action = \"direct\"\nmatch = { port = \"90-80\" }", ":7:18", "");
  expect_error(rule + "action = \"direct\"\nmatch = { cidr = [\"10.0.0.0/33\"] }", ":7:19", "10.0.0.0/33");
  expect_error(rule + "action = \"direct\"\nmatch = { host = [] }", ":7:18", "empty list");
  expect_error(rule + "action = \"direct\"\nmatch = { port = 1.5 }", ":7:18", "a value or a list");
  expect_error(rule + "action = \"direct\"\nmatch = 80", ":7:9", "table");
  expect_error(rule + "action = \"direct\"\nmatch = { time = [\"Sat\", \"Sun 8-9\"] }", ":7:26", "\"Sun 8-9\" is not a time of the week");
  expect_error(rule + "action = \"direct\"\non = 1", ":7:1", "unknown key");
  expect_error(rule + "action = \"direct\"\non_change = \"cloze\"", ":7:13", "keep, drain, close: \"cloze\"; did you mean \"close\"?");
  expect_error(rule + "action = \"direct\"\nname = \"a\"\n[[rule]]\nname = \"a\"\naction = \"direct\"", ":8:1", "second rule");
}

TEST(config_rules, sublayers_and_filters) {
  settings s;
  const std::string text = R"(version = 1
[[chain]]
name = "a"
hops = ["direct"]
[[chain]]
name = "b"
hops = ["reject"]
[[sublayer]]
name = "security"
weight = 60000
provider = "it"
[[filter]]
name = "telnet"
provider = "it"
layer = ["connect_auth_v4", "connect_auth_v6"]
sublayer = "security"
weight = 7
id = 23
enabled = false
on_change = "drain"
right = "keep"
match = { remote_port = [23, "2323-2324"], host = "*.example.com", time = "Mon-Fri 08:00-18:00" }
not = { local_port = 5000 }
action = "reject"
[[filter]]
name = "rest"
layer = "connect_auth_v4"
action = "chain:b"
)";
  EXPECT_EQ(joined(read_config(text, "o.toml", s)), "o.toml:18:6: filter \"telnet\": its id 23 is filter \"telnet\"'s at layer connect_auth_v4 already\n");
  settings t;
  const std::string good = std::string{text}.replace(text.find("id = 23\n"), 8, "");
  EXPECT_EQ(joined(read_config(good, "o.toml", t)), "");
  ASSERT_EQ(t.service.sublayers.size(), 1u);
  EXPECT_EQ(t.service.sublayers[0], (interceptor::filter::sublayer{"security", 60000, "it"}));
  ASSERT_EQ(t.service.filters.size(), 3u);
  const auto& f = t.service.filters[1];
  EXPECT_EQ(f.layer, interceptor::filter::layer_id::connect_auth_v6);
  EXPECT_EQ(f.weight, interceptor::filter::weight::exact(7));
  EXPECT_EQ(f.right, interceptor::filter::action_right::keep);
  EXPECT_FALSE(f.enabled);
  EXPECT_EQ(f.on_change, interceptor::filter::on_change::drain);
  EXPECT_EQ(f.conditions.size(), 4u);
  EXPECT_TRUE(std::ranges::any_of(f.conditions, [](const auto& c) { return c.negated && c.field == interceptor::filter::field_id::local_port; }));
}

TEST(config_rules, a_wrong_filter_has_its_place) {
  const std::string filter = "version = 1\n[[sublayer]]\nname = \"s\"\nweight = 1\n[[filter]]\nname = \"f\"\nlayer = \"connect_auth_v4\"\n";
  EXPECT_EQ(joined(errors_of(filter + "action = \"direct\"")), "");
  expect_error(filter, ":5:1", "filter \"f\": there is no action");
  expect_error(filter + "action = \"redirect::80\"", ":7:9", "may not change a destination");
  expect_error(filter + "action = \"direct\"\nsublayer = \"t\"", ":9:12", "there is no sublayer \"t\"");
  expect_error(filter + "action = \"direct\"\nmatch = { remote_prt = 1 }", ":9:11", "did you mean \"remote_port\"?");
  expect_error(filter + "action = \"direct\"\nmatch = { remote_port = [1, \"x\"] }", ":9:29", "filter \"f\": \"x\" is not a number");
  expect_error(filter + "action = \"direct\"\nmatch = { remote_address = \"2001:db8::/32\" }", ":7:9", "addresses are of the other family");
  expect_error("version = 1\n[[filter]]\nname = \"f\"\naction = \"direct\"\nlayer = \"connect_aut_v4\"", ":5:9", "did you mean \"connect_auth_v4\"?");
  expect_error("version = 1\n[[sublayer]]\nname = \"default\"\nweight = 1", ":3:8", "already");
}

TEST(config_rules, bad_input_of_filters_has_place_and_reason) {
  const auto filter = [](const std::string& rest) { return "version = 1\n[[filter]]\nname = \"f\"\naction = \"reject\"\n" + rest; };
  const std::string at_auth = "layer = \"connect_auth_v4\"\n";
  expect_error(filter(at_auth + "match = { remote_prot = 80 }"), ":6:11", "unknown key \"remote_prot\" in match; did you mean \"remote_port\"?");
  expect_error(filter(at_auth + "match = { remote_port = \"http\" }"), ":6:25", "\"http\" is not a number or a range like 8000-8100");
  expect_error(filter(at_auth + "match = { remote_port = true }"), ":6:25", "remote_port is a value or a list of values");
  expect_error(filter(at_auth + "match = { remote_port = \"90-80\" }"), ":6:25", "90-80 is an empty range");
  expect_error(filter("layer = \"accept_v4\"\nmatch = { host = \"a.example\" }"), ":5:9", "condition on host: layer accept_v4 does not know this field");
  expect_error(filter(at_auth + "id = 7\n[[filter]]\nname = \"g\"\naction = \"direct\"\nlayer = \"connect_auth_v6\"\nid = 7"), ":11:6",
               "filter \"g\": its id 7 is filter \"f\"'s at layer connect_auth_v4 already");
  expect_error("version = 1\n[[sublayer]]\nname = \"\"\nweight = 1", ":3:8", "1 to 255 bytes");
}

TEST(config_rules, a_rule_with_lists_in_files) {
  const scratch folder;
  const std::string hosts = folder.write("hosts", "# a hosts file\n127.0.0.1 localhost\n0.0.0.0 ads.example track.example # both\r\n\n.spam.example\n");
  const std::string networks = folder.write("networks", "203.0.113.0/24\n2001:db8::/32\n192.0.2.1\n198.51.100.1-198.51.100.9");
  const auto config = [](const std::string& match) { return "version = 1\n[[rule]]\naction = \"reject\"\nmatch = { " + match + " }"; };
  settings s;
  EXPECT_EQ(joined(read_config(config("host = \"a.example\", rules_from = \"" + hosts + "\""), "o.toml", s)), "");
  ASSERT_EQ(s.service.rules.size(), 1u);
  ASSERT_EQ(s.service.rules[0].matches.size(), 1u);
  EXPECT_EQ(s.service.rules[0].matches[0].values, (lines{"a.example", "ads.example", "track.example", ".spam.example"}));
  settings t;
  EXPECT_EQ(joined(read_config(config("port = 80, rules_from = [\"" + networks + "\"]"), "o.toml", t)), "");
  ASSERT_EQ(t.service.rules[0].matches.size(), 2u);
  EXPECT_EQ(t.service.rules[0].matches[1].key, "cidr");
  EXPECT_EQ(t.service.rules[0].matches[1].values.size(), 4u);

  const auto expect_wrong = [&](const char* text, const char* part) {
    const std::string path = folder.write("wrong", text);
    expect_error(config("rules_from = \"" + path + "\""), ":4:24", path + part);
  };
  expect_wrong("ads.example\n203.0.113.0/24\n", ":2: hosts and networks in one file");
  expect_wrong("ads..example", ":1: condition on host: \"ads..example\" is not a host name");
  expect_wrong("\n203.0.113.0/33", ":2: ");
  expect_wrong("ads example", ":1: neither one entry");
  expect_wrong("# nothing\n", ":1: no entry");
  expect_error(config("rules_from = \"/no/such/file\""), ":4:24", "/no/such/file");
  expect_error(config("rules_from = 3"), ":4:24", "string");
}

TEST(config_rules, callouts) {
  settings s;
  const std::string text = R"(version = 1
[[callout]]
name = "names"
kind = "sniff"
wait = "50ms"
[[callout]]
name = "per-client"
kind = "limit"
by = ["local_address", "listener"]
connections = 20
connections_per_second = 5
bytes_per_second = "1MiB"
keys = 100
[[callout]]
name = "note"
kind = "log"
level = "warn"
text = "a database from outside"
[[callout]]
name = "video"
kind = "tag"
tag = "video"
[[rule]]
match = { port = 443 }
action = "callout:names"
[[rule]]
action = "callout:per-client"
[[filter]]
name = "noted"
layer = ["flow_established", "flow_closed"]
match = { tag = "video" }
action = "callout:note"
)";
  EXPECT_EQ(joined(read_config(text, "o.toml", s)), "");
  ASSERT_EQ(s.service.callouts.size(), 4u);
  EXPECT_EQ(std::get<interceptor::sniff_settings>(s.service.callouts[0].what).wait, std::chrono::milliseconds{50});
  const auto& limit = std::get<interceptor::limit_settings>(s.service.callouts[1].what);
  using enum interceptor::filter::field_id;
  EXPECT_EQ(limit, (interceptor::limit_settings{{local_address, listener}, 20, 5, 1 << 20, 100}));
  EXPECT_EQ(std::get<interceptor::log_settings>(s.service.callouts[2].what), (interceptor::log_settings{io::log::level::warn, "a database from outside"}));
  EXPECT_EQ(std::get<interceptor::tag_settings>(s.service.callouts[3].what).word, "video");
  ASSERT_EQ(s.service.filters.size(), 2u);
  EXPECT_EQ(s.service.filters[0].action.kind, interceptor::filter::action_kind::callout_inspection);
}

TEST(config_rules, a_wrong_callout_has_its_place) {
  const std::string callout = "version = 1\n[[callout]]\nname = \"c\"\n";
  expect_error(callout, ":2:1", "callout \"c\": there is no kind: sniff, limit, log, tag or library");
  expect_error(callout + "kind = \"sniffer\"", ":4:8", "sniff");
  expect_error(callout + "kind = \"sniff\"\nwait = \"1ms\"", ":5:8", "wait must be 10ms to 10s");
  expect_error(callout + "kind = \"sniff\"\nconnections = 1", ":5:1", "unknown key \"connections\" in [[callout]]");
  expect_error(callout + "kind = \"limit\"", ":2:1", "nothing would be limited");
  expect_error(callout + "kind = \"limit\"\nconnections = 1\nby = \"host_name\"", ":6:6", "callout \"c\": there is no field \"host_name\"");
  expect_error(callout + "kind = \"limit\"\nbytes_per_second = \"5GiB\"", ":5:20", "bytes_per_second must be 1KiB to 4GiB");
  expect_error(callout + "kind = \"log\"", ":2:1", "text is missing");
  expect_error(callout + "kind = \"tag\"\ntag = \"a,b\"", ":5:7", "tag has a comma");
  expect_error("version = 1\n[[callout]]\nkind = \"tag\"\ntag = \"a\"", ":2:1", "a [[callout]] without name");
  const std::string limit = callout + "kind = \"limit\"\nconnections = 1\n";
  expect_error(limit + "[[callout]]\nname = \"c\"\nkind = \"tag\"\ntag = \"a\"", ":7:8", "a second callout with the name \"c\"");
  expect_error(limit + "[[rule]]\naction = \"callout:d\"", ":7:10", "rule \"rule 1\": there is no [[callout]] \"d\"");
  expect_error(limit + "[[filter]]\nname = \"f\"\nlayer = \"stream\"\naction = \"callout:c\"", ":8:9",
               "filter \"f\": limit decides whether a connection may go, which layer stream does not; its layers are connect_auth_v4 and connect_auth_v6");
  expect_error(callout + "kind = \"library\"", ":4:8", "callout \"c\": library is code of the program that starts the service by libomnilink");
}

TEST(config_rules, a_librarys_callout_is_one_that_its_program_has) {
  const auto read = [](const std::string& text) {
    settings into;
    into.service.library = std::make_shared<interceptor::library_peer>(io::descriptor{}, wire::callout_offer{false, {"judge", "other"}});
    const auto errors = read_config(text, "o.toml", into);
    const auto* what = into.service.callouts.empty() ? nullptr : std::get_if<interceptor::library_settings>(&into.service.callouts[0].what);
    return std::pair{errors.empty() ? std::string{} : errors[0], what ? *what : interceptor::library_settings{}};
  };
  const std::string callout = "version = 1\n[[callout]]\nkind = \"library\"\nname = ";
  EXPECT_EQ(read(callout + "\"judge\"").second, interceptor::library_settings{}) << "refused without an answer, after 5 s";
  const auto all = read(callout + "\"judge\"\ntimeout = \"300ms\"\nunanswered = \"continue\"\n[[filter]]\nname = \"f\"\naction = \"callout:judge\"\n"
                                  "layer = [\"accept_v4\", \"connect_redirect_v6\", \"connect_auth_v4\"]");
  EXPECT_EQ(all.first, "");
  EXPECT_EQ(all.second, (interceptor::library_settings{std::chrono::milliseconds{300}, std::nullopt}));
  EXPECT_EQ(read(callout + "\"jugde\"").first, "o.toml:4:8: the program has added no callout \"jugde\" (omnilink_callout_add) before it started the service; did you mean \"judge\"?");
  EXPECT_NE(read(callout + "\"judge\"\ntimeout = \"1ms\"").first.find(":5:11: timeout must be 10ms to 10m"), std::string::npos);
  EXPECT_NE(read(callout + "\"judge\"\nunanswered = \"permit\"").first.find(":5:14: "), std::string::npos);
  for (const char* layer : {"stream", "flow_established", "flow_closed"})
    EXPECT_NE(read(callout + "\"judge\"\n[[filter]]\nname = \"f\"\naction = \"callout:judge\"\nlayer = \"" + layer + "\"").first.find(
                  "library is asked before the way is opened, which layer " + std::string{layer} + " comes after"), std::string::npos);
}

}  // namespace
}  // namespace omnilink::cli
