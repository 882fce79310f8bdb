#include "cli/config_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cli/config_errors.hpp"
#include "tests/cli/scratch.hpp"

namespace omnilink::cli {
namespace {

using namespace std::chrono_literals;
constexpr std::string_view whole = R"(version = 1
[service]
workers = 3
max_connections = 500
max_connections_per_source = 50
max_handshakes = 400
max_handshakes_per_source = 40
memory_max = "512MiB"
chain_timeout = "20s"
hop_timeout = "500ms"
idle_timeout = "2h"
half_close_timeout = "5m"
drain_timeout = "7s"
handshake_timeout = "3s"
[log]
level = "warn"
format = "json"
access = false
destinations = "hash"
[nat]
capacity = 1000
linger = "5s"
ttl = "1m"
[query]
socket = "/run/o/query.sock"
[admin]
socket = ""
[[listen]]
url = "mixed://127.0.0.1:1080"
[[listen]]
url = "http://0.0.0.0:3128"
allow_remote = true
[[hop]]
name = "paris"
url = "socks5://me:word@10.0.0.1"
[[hop]]
name = "edge"
url = "https://edge.example"
tls = { sni = "other.example" }
[[chain]]
name = "out"
hops = ["paris", "edge"]
)";

TEST(config_file, every_key) {
  settings s;
  s.service.admin_socket = "/default";
  const lines errors = read_config(whole, "o.toml", s);
  ASSERT_TRUE(errors.empty()) << joined(errors);
  EXPECT_EQ(s.service.service.workers, 3u);
  EXPECT_EQ(s.service.service.max_connections, 500u);
  EXPECT_EQ(s.service.service.max_connections_per_source, 50u);
  EXPECT_EQ(s.service.service.max_handshakes, 400u);
  EXPECT_EQ(s.service.service.max_handshakes_per_source, 40u);
  EXPECT_EQ(s.service.service.memory_max, 512u << 20);
  EXPECT_EQ(s.service.timeouts.chain, 20s);
  EXPECT_EQ(s.service.timeouts.hop, 500ms);
  EXPECT_EQ(s.service.service.idle_timeout, 2h);
  EXPECT_EQ(s.service.service.half_close_timeout, 5min);
  EXPECT_EQ(s.service.service.drain_timeout, 7s);
  EXPECT_EQ(s.service.service.handshake_timeout, 3s);
  EXPECT_EQ(s.log.level, io::log::level::warn);
  EXPECT_TRUE(s.log.format == decltype(s.log.format)::json);
  EXPECT_FALSE(s.service.log_access);
  EXPECT_EQ(s.service.log_destinations, actors::configuration::destinations::hash);
  EXPECT_EQ(s.service.nat.capacity, 1000u);
  EXPECT_EQ(s.service.nat.linger, 5s);
  EXPECT_EQ(s.service.nat.ttl, 1min);
  EXPECT_EQ(s.service.query_socket, "/run/o/query.sock");
  EXPECT_EQ(s.service.admin_socket, "");
  ASSERT_EQ(s.service.listeners.size(), 2u);
  EXPECT_EQ(s.service.listeners[1].to_string(), "http://0.0.0.0:3128");
  ASSERT_EQ(s.service.chains.size(), 1u);
  const auto& hops = s.service.chains[0].hops;
  ASSERT_EQ(hops.size(), 2u);
  EXPECT_EQ(hops[0].name, "paris");
  EXPECT_EQ(hops[0].to_string(), "socks5://10.0.0.1:1080");
  EXPECT_EQ(hops[0].password.reveal(), "word");
  ASSERT_TRUE(hops[1].tls);
  EXPECT_EQ(hops[1].tls->name, "other.example");
}

TEST(config_file, what_is_not_there_stays_as_it_was) {
  settings s;
  s.service.query_socket = "/default";
  EXPECT_TRUE(read_config("version = 1", "o.toml", s).empty());
  EXPECT_EQ(s.service.query_socket, "/default");
  EXPECT_EQ(s.service.timeouts.hop, 10s);
  EXPECT_TRUE(s.service.chains.empty());
}

TEST(config_file, version) {
  expect_error("", ":1:1", "version = 1");
  expect_error("version = 2", ":1:11", "version 2 is not known");
  expect_error("version = \"1\"", ":1:11", "whole number");
}

TEST(config_file, syntax) {
  expect_error("version = 1\n[service\n", ":2:9", "");
  expect_error("version = 1\nversion = 1", ":2:11", "redefine");
  expect_error(std::string_view{"version = 1\n# \xff"}, ":2:2", "utf-8");
}

TEST(config_file, an_unknown_key_suggests_the_nearest) {
  expect_error("version = 1\n[service]\nwrokers = 1", ":3:1",
               "unknown key \"wrokers\" in [service]; did you mean \"workers\"?");
  expect_error("version = 1\n[servce]", ":2:2", "did you mean \"service\"?");
  expect_error("version = 1\n[[hop]]\nname = \"a\"\nurl = \"https://h\"\ntls = { snl = \"x\" }", ":5:9",
               "unknown key \"snl\" in tls; did you mean \"sni\"?");
}

TEST(config_file, keys_of_a_later_version_are_not_called_unknown) {
  for (const char* text :
       {"version = 1\n[[chain]]\nname = \"a\"\nhops = [\"direct\"]\npolicy = \"strict\""}) {
    const lines all = errors_of(text);
    ASSERT_EQ(all.size(), 1u) << joined(all);
    EXPECT_NE(all[0].find("is not supported by this version"), std::string::npos) << all[0];
  }
}

TEST(config_file, a_redirect_listener_says_what_it_captures) {
  settings out;
  const std::string text =
      "version = 1\n[[listen]]\nurl = \"redirect://:12345\"\nfail = \"open\"\n"
      "capture = { direction = \"out\", port = [80, \"8000-8100\"], cidr = \"203.0.113.0/24\", uid = [0, \"root\"], iface = \"lo\" }\n";
  EXPECT_EQ(joined(read_config(text, "o.toml", out)), "");
  ASSERT_EQ(out.service.listeners.size(), 1u);
  const auto& l = out.service.listeners[0];
  EXPECT_FALSE(l.fail_closed);
  EXPECT_EQ(l.capture.ports, (std::vector<core::port_range>{{80, 80}, {8000, 8100}}));
  EXPECT_EQ(l.capture.networks, std::vector{*core::cidr::parse("203.0.113.0/24")});
  EXPECT_EQ(l.capture.uids, (std::vector<std::uint32_t>{0, 0}));
  EXPECT_EQ(l.capture.interfaces, std::vector<std::string>{"lo"});
}

TEST(config_file, what_is_wrong_with_a_capture_has_its_place) {
  const std::string redirect = "version = 1\n[[listen]]\nurl = \"redirect://:12345\"\n";
  expect_error(redirect, ":3:7", "capture has no condition");
  expect_error(redirect + "capture = {}", ":4:11", "capture has no condition");
  expect_error(redirect + "capture = { port = 80, ports = 81 }", ":4:24", "did you mean \"port\"");
  expect_error(redirect + "capture = { uid = 5, port = [80, 0] }", ":4:34", "neither a port nor a range");
  expect_error(redirect + "capture = { port = 80, cidr = \"10.0.0.1/8\" }", ":4:31", "is 10.0.0.0/8 meant?");
  expect_error(redirect + "capture = { port = 80, uid = \"no-such-user\" }", ":4:30", "no user \"no-such-user\"");
  expect_error(redirect + "capture = { port = 80, exe = \"/usr/bin/curl\" }", ":4:11", "use a cgroup listener");
  const std::string cgroup = "version = 1\n[[listen]]\nurl = \"cgroup://:12345\"\n";
  expect_error(cgroup + "capture = { rewrite = { 80 = 8080, 81 = \"x\" } }", ":4:41", "not two ports");
  expect_error(cgroup + "capture = { port = 80, deny = \"EPREM\" }", ":4:31", "did you mean \"EPERM\"");
  expect_error(redirect + "capture = { port = 80, direction = \"inn\" }", ":4:36", "did you mean \"in\"");
  expect_error(redirect + "capture = { port = 80, direction = \"in\" }", ":3:7", "listens on 0.0.0.0");
  expect_error(redirect + "capture = { port = 80 }\nfail = \"ajar\"", ":5:8", "closed");
  expect_error("version = 1\n[[listen]]\nurl = \"mixed://\"\nfail = \"open\"", ":4:8", "belongs to a redirect, tproxy or cgroup listener");
}

TEST(config_file, types) {
  expect_error("version = 1\nservice = 3", ":2:11", "not a table");
  expect_error("version = 1\n[[service]]\n", ":2:1", "not a table");
  expect_error("version = 1\n[listen]\n", ":2:1", "[[listen]]");
  expect_error("version = 1\nhop = [1]\n", ":2:7", "[[hop]]");
  expect_error("version = 1\n[log]\naccess = \"yes\"", ":3:10", "true or false");
  expect_error("version = 1\n[service]\nworkers = 1.5", ":3:11", "whole number");
  expect_error("version = 1\n[service]\nhop_timeout = 10", ":3:15", "duration");
  expect_error("version = 1\n[service]\nhop_timeout = \"10 seconds\"", ":3:15", "\"10s\"");
  expect_error("version = 1\n[query]\nsocket = \"a\\u0000b\"", ":3:10", "null");
}

TEST(config_file, ranges) {
  expect_error("version = 1\n[service]\nworkers = -1", ":3:11", "workers");
  expect_error("version = 1\n[service]\nworkers = 65", ":3:11", "workers");
  expect_error("version = 1\n[service]\nmax_connections = 2000000", ":3:19", "max_connections");
  expect_error("version = 1\n[service]\nworkers = 1\nhop_timeout = \"99ms\"", ":4:15", "hop_timeout");
  expect_error("version = 1\n[nat]\nlinger = \"0s\"\nttl = \"500ms\"", ":4:7", "ttl");
  expect_error("version = 1\n[log]\nlevel = \"wran\"", ":3:9", "did you mean \"warn\"?");
  expect_error("version = 1\n[query]\nsocket = \"query.sock\"", ":3:10", "absolute");
  expect_error("version = 1\n[query]\nsocket = \"/" + std::string(107, 'x') + "\"", ":3:10", "107");
}

TEST(config_file, listeners) {
  expect_error("version = 1\n[[listen]]", ":2:1", "without url");
  expect_error("version = 1\n[[listen]]\nurl = \"mxied://\"", ":3:7", "did you mean \"mixed\"?");
  expect_error("version = 1\n[[listen]]\nurl = \"mixed://0.0.0.0\"", ":3:7", "allow_remote = true");
  expect_error("version = 1\n[[listen]]\nurl = \"cgroup://127.0.0.1\"", ":3:7", "no condition");
}

TEST(config_file, a_listener_with_clients_and_one_with_a_destination) {
  settings out;
  const auto errors = read_config(
      "version = 1\n[[listen]]\nurl = \"mixed://\"\nclients = [\"10.0.0.0/8\", \"2001:db8::1\"]\n"
      "[[listen]]\nurl = \"tcp://:8080\"\nto = \"example.org:443\"",
      "o.toml", out);
  EXPECT_EQ(joined(errors), "");
  ASSERT_EQ(out.service.listeners.size(), 2u);
  EXPECT_EQ(out.service.listeners[0].clients.size(), 2u);
  EXPECT_EQ(out.service.listeners[1].to_string(), "tcp://127.0.0.1:8080?to=example.org:443");

  const std::string mixed = "version = 1\n[[listen]]\nurl = \"mixed://\"\n";
  expect_error(mixed + "clients = []", ":4:11", "leave it out for everyone");
  expect_error(mixed + "clients = \"10.0.0.0/8\"", ":4:11", "is not a list");
  expect_error(mixed + "clients = [\"10.0.0.0/8\", \"10.0.0.1/8\"]", ":4:26", "is 10.0.0.0/8 meant?");
  expect_error(mixed + "clients = [10]", ":4:12", "list of strings");
  expect_error(mixed + "client = [\"10.0.0.0/8\"]", ":4:1", "did you mean \"clients\"?");
  expect_error(mixed + "to = \"h:80\"", ":4:6", "belongs to a tcp listener");
  const std::string tcp = "version = 1\n[[listen]]\nurl = \"tcp://:8080";
  expect_error(tcp + "\"", ":3:7", "?to=host:port");
  expect_error(tcp + "?to=h:80\"\nto = \"h:80\"", ":4:6", "in the URL already");
  expect_error(tcp + "\"\nto = \"h\"", ":4:6", "not host:port");
}

TEST(config_file, a_listener_with_users) {
  const scratch place;
  const std::string file = place.write("users", "me:word\n");
  settings out;
  EXPECT_EQ(joined(read_config("version = 1\n[[listen]]\nurl = \"mixed://\"\nauth_file = \"" + file + "\"", "x", out)), "");
  ASSERT_TRUE(out.service.listeners.at(0).users);
  const std::string listen = "version = 1\n[[listen]]\nurl = \"";
  expect_error(listen + "mixed://me:pw@\"\nauth_file = \"" + file + "\"", ":4:13", "the URL has a login already");
  expect_error(listen + "tcp://:1?to=h:80\"\nauth_file = \"" + file + "\"", ":3:7", "asks nobody for a login");
  expect_error(listen + "mixed://\"\nauth_file = \"/nothing/there\"", ":4:13", "auth_file \"/nothing/there\": No such file");
  expect_error(listen + "mixed://?auth_file=/nothing/there\"", ":3:7", "auth_file \"/nothing/there\": No such file");
}

TEST(config_file, a_listener_that_contradicts_itself) {
  const std::string listen = "version = 1\n[[listen]]\nurl = \"mixed://0.0.0.0";
  expect_error(listen + "?allow_remote=true\"\nallow_remote = false", ":4:16", "contradict");
  expect_error(listen + "?allow_remote=false\"\nallow_remote = true", ":4:16", "contradict");
  settings out;
  EXPECT_TRUE(read_config(listen + "?allow_remote=true\"\nallow_remote = true", "x", out).empty());
}

TEST(config_file, hops) {
  expect_error("version = 1\n[[hop]]\nurl = \"socks5://h\"", ":2:1", "without name");
  expect_error("version = 1\n[[hop]]\nname = \"a\"", ":2:1", "without url");
  expect_error("version = 1\n[[hop]]\nname = \"a b\"\nurl = \"socks5://h\"", ":3:8", "not a name");
  expect_error("version = 1\n[[hop]]\nname = \"paris\"\nurl = \"socks5://me:word@h:x\"", ":4:7",
               "hop \"paris\": the port");
  expect_error("version = 1\n[[hop]]\nname = \"a\"\nurl = \"http://h\"\ntls = { sni = \"x\" }", ":5:7",
               "hop \"a\": http://h:80 has no TLS");
  expect_error("version = 1\n[[hop]]\nname = \"a\"\nurl = \"https://h\"\ntls = { ca = \"/no/such/file\" }",
               ":5:7", "No such file");
  const std::string hop = "version = 1\n[[hop]]\nname = \"a\"\nurl = ";
  expect_error(hop + "\"socks5://h?pipeline=true\"\npipeline = false", ":5:12", "pipeline is in the URL already");
  expect_error(hop + "\"http://h\"\npipeline = true", ":5:12", "pipeline is for SOCKS5 only");
  expect_error(hop + "\"direct\"\npipeline = true", ":5:12", "stands alone");
  expect_error("version = 1\n[[hop]]\nname = \"a\"\nurl = \"https://h\"\nauth_file = \"/no/such/file\"",
               ":5:13", "No such file");
  expect_error(
      "version = 1\n[[hop]]\nname = \"a\"\nurl = \"socks5://h\"\n[[hop]]\nname = \"a\"\nurl = \"socks5://i\"",
      ":6:8", "a second hop");
}

TEST(config_file, every_key_of_tls) {
  const scratch place;
  const std::string ca = place.write("ca.pem", "authority", 0644);
  const std::string cert = place.write("cert.pem", "certificate", 0644);
  const std::string key = place.write("key.pem", "key");
  const std::string pin = core::spki_pin{}.to_string();
  settings s;
  const std::string text = "version = 1\n[[hop]]\nname = \"a\"\nurl = \"https://h\"\n[hop.tls]\nca = \"" + ca + "\"\ncert = \"" + cert +
                           "\"\nkey = \"" + key + "\"\nmin_version = \"1.3\"\npin = [\"" + pin + "\", \"" + pin +
                           "\"]\nalpn = []\n[[chain]]\nname = \"out\"\nhops = [\"a\"]";
  ASSERT_EQ(joined(read_config(text, "o.toml", s)), "");
  const io::tls_client_config& tls = *s.service.chains[0].hops[0].tls;
  EXPECT_EQ(tls.name, "h");
  EXPECT_EQ(tls.ca_pem, "authority");
  EXPECT_EQ(tls.certificate_pem, "certificate");
  EXPECT_EQ(tls.key_pem.reveal(), "key");
  EXPECT_EQ(tls.least, io::tls_version::v1_3);
  EXPECT_EQ(tls.pins.size(), 2u);
  EXPECT_TRUE(tls.alpn.empty());
}

TEST(config_file, what_is_wrong_with_tls_has_its_place) {
  const scratch place;
  const std::string open = place.write("open.pem", "key", 0640);
  const std::string hop = "version = 1\n[[hop]]\nname = \"a\"\nurl = \"https://h?min_version=1.2\"\ntls = ";
  expect_error(hop + "{ pin = \"sha256/x\" }", ":5:15", "hop \"a\": pin: \"sha256/x\" is not");
  expect_error(hop + "{ pin = [3] }", ":5:16", "list of strings");
  expect_error(hop + "{ alpn = [\"h2\"] }", ":5:16", "\"h2\" is not spoken here");
  expect_error(hop + "{ ca = [\"x\"] }", ":5:14", "not a string");
  expect_error(hop + "{ ca = \"\" }", ":5:14", "ca is empty");
  expect_error(hop + "{ min_version = \"1.3\" }", ":5:23", "min_version is in the URL already");
  expect_error(hop + "{ cert = \"/c\" }", ":4:7", "cert without key");
  expect_error(hop + "{ cert = \"/no/such\", key = \"/k\" }", ":5:7", "cert \"/no/such\": No such file");
  expect_error(hop + "{ cert = \"" + open + "\", key = \"" + open + "\" }", ":5:7", "others may read it; chmod 600 it");
}

TEST(config_file, no_error_shows_a_password) {
  for (const char* url :
       {"sokcs5://me:hunter2@h", "socks5://me:hunter2@h:x", "socks5://me:hunter2,@h", "me:hunter2@h"}) {
    const lines all = errors_of("version = 1\n[[hop]]\nname = \"a\"\nurl = \"" + std::string{url} + "\"");
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].find("hunter2"), std::string::npos) << all[0];
  }
}

TEST(config_file, a_login_in_a_file) {
  const scratch place;
  settings s;
  const std::string file = place.write("login", "me:word");
  const std::string text = "version = 1\n[[hop]]\nname = \"a\"\nurl = \"socks5://h\"\nauth_file = \"" + file +
                           "\"\n[[chain]]\nname = \"out\"\nhops = [\"a\"]";
  ASSERT_EQ(joined(read_config(text, "o.toml", s)), "");
  EXPECT_EQ(s.service.chains[0].hops[0].user, "me");
  expect_error("version = 1\n[[hop]]\nname = \"a\"\nurl = \"socks5://u:p@h\"\nauth_file = \"" + file + "\"",
               ":5:13", "login already");
}

TEST(config_file, chains) {
  const std::string hops =
      "version = 1\n[[hop]]\nname = \"paris\"\nurl = \"socks5://h\"\n[[chain]]\nname = \"out\"\n";
  expect_error(hops + "hops = [\"pariss\"]", ":7:9", "unknown hop \"pariss\"; did you mean \"paris\"?");
  expect_error(hops + "hops = [\"paris|edge\"]", ":7:9", "alternatives");
  expect_error(hops + "hops = [\"paris\", 3]", ":7:18", "name of a [[hop]]");
  expect_error(hops + "hops = []", ":7:8", "list");
  expect_error(hops + "hops = \"paris\"", ":7:8", "list");
  expect_error(hops, ":5:1", "list");
  expect_error(hops + "hops = [\"paris\", \"direct\"]", ":7:8", "stands alone");
  EXPECT_EQ(joined(errors_of(hops + "hops = [\"reject\"]")), "");
  expect_error(hops + "hops = [\"paris\"]\n[[chain]]\nname = \"b\"\nhops = [\"paris\"]", ":5:1",
               "add [[rule]]s");
  expect_error(hops + "hops = [\"paris\"]\n[[chain]]\nname = \"out\"\nhops = [\"paris\"]\n[[rule]]\naction = \"direct\"", ":5:1",
               "two chains with the name \"out\"");
}

TEST(config_file, all_errors_in_the_order_of_their_places) {
  const lines all = errors_of(
      "version = 1\n[[hop]]\nname = \"a\"\nurl = \"sock5://h\"\n[service]\nworkers = 65\nx = "
      "1\n[log]\naccess = 1");
  ASSERT_EQ(all.size(), 4u) << joined(all);
  EXPECT_TRUE(all[0].starts_with("o.toml:4:7: ")) << all[0];
  EXPECT_TRUE(all[1].starts_with("o.toml:6:11: ")) << all[1];
  EXPECT_TRUE(all[2].starts_with("o.toml:7:1: ")) << all[2];
  EXPECT_TRUE(all[3].starts_with("o.toml:9:10: ")) << all[3];
}

TEST(config_file, shows_at_most_twenty_errors) {
  std::string text = "version = 1\n[service]\n";
  for (int i = 0; i < 30; ++i) text += "unknown_key_" + std::to_string(i) + " = 1\n";
  const lines all = errors_of(text);
  ASSERT_EQ(all.size(), 21u);
  EXPECT_EQ(all[20], "o.toml: and 10 more errors");
}

TEST(config_file, cut_short_anywhere_it_is_an_error_or_a_configuration) {
  for (std::size_t n = 0; n <= whole.size(); ++n) {
    for (const auto& line : errors_of(whole.substr(0, n))) {
      EXPECT_TRUE(line.starts_with("o.toml:")) << line;
      EXPECT_EQ(line.find("word"), std::string::npos) << line;
    }
  }
}

TEST(config_file, the_file_itself) {
  const scratch place;
  settings s;
  EXPECT_EQ(joined(read_config_file(place.write("good", "version = 1", 0644), s)), "");
  EXPECT_NE(joined(read_config_file(place.write("open", "version = 1", 0646), s)).find("chmod o-w"),
            std::string::npos);
  EXPECT_NE(joined(read_config_file(place.path(), s)).find("directory"), std::string::npos);
  EXPECT_NE(joined(read_config_file(place.path() + "/nothing", s)).find("No such file"), std::string::npos);
  const std::string big = "version = 1\n#" + std::string(config_file_max, 'x');
  EXPECT_NE(joined(read_config_file(place.write("big", big), s)).find("longer than 1 MiB"),
            std::string::npos);
}

}  // namespace
}  // namespace omnilink::cli
