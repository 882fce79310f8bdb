// How hops fare and what is counted, as admin.sock tells it: the hop is another service.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "actors/numbering.hpp"
#include "actors/tally.hpp"
#include "tests/actors/echo_server.hpp"
#include "tests/actors/exposition.hpp"
#include "tests/actors/reloading.hpp"
#include "tests/actors/running_service.hpp"

namespace omnilink::test {
namespace {

using actors::configuration;
using nlohmann::json;

chain::chain through_proxy(const core::endpoint& proxy, const std::string& name = "out") {
  chain::chain out;
  out.name = name;
  out.hops.push_back(*chain::parse_hop_url("socks5://me:hunter2@" + proxy.to_string()));
  out.hops.back().name = "paris";
  out.hops.back().user.clear();
  return out;
}

// A service with an admin socket, and what it says there.
struct asked {
  temporary_folder folder;
  std::string path = folder.path + "/admin.sock";

  configuration config(std::vector<chain::chain> chains) const {
    configuration out = two_workers();
    out.admin_socket = path;
    out.chains = std::move(chains);
    return out;
  }
  json ask(const std::string& verb) const { return json::parse(admin(path, R"({"verb":")" + verb + "\"}\n")); }
  json hop() const { return ask("chains").at("chains").at(0).at("hops").at(0); }
  exposition metrics() const {
    exposition out = exposition::read(ask("metrics").at("metrics"));
    for (const auto& line : out.wrong) ADD_FAILURE() << line;
    return out;
  }
  // A connection ends a little later than its client knows.
  exposition metrics_once(const std::string& sample, double value) const {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    exposition out = metrics();
    while (out.of(sample) != value && std::chrono::steady_clock::now() < until) out = metrics();
    EXPECT_EQ(out.of(sample), value) << sample;
    return out;
  }
};

core::endpoint closed_port() {
  echo_server gone;
  return gone.address();
}

TEST(hop_monitor, a_hop_is_untried_then_ok_then_failing_then_ok) {
  echo_server origin;
  asked here;
  auto proxy = std::make_unique<running>(two_workers());
  const core::endpoint where = proxy->listener();
  running omnilink{here.config({through_proxy(where)})};
  ASSERT_EQ(omnilink.problem(), "");
  json hop = here.hop();
  EXPECT_EQ(hop.at("hop"), "paris");
  EXPECT_EQ(hop.at("url"), "socks5://" + where.to_string());
  EXPECT_EQ(hop.at("state"), "untried");
  EXPECT_TRUE(hop.at("connect_ms").is_null());
  {
    const auto client = tunnel(omnilink.listener(), origin.address());
    ASSERT_TRUE(client);
    hop = here.hop();
    EXPECT_EQ(hop.at("state"), "ok");
    EXPECT_EQ(hop.at("successes"), 1);
    EXPECT_EQ(hop.at("connections"), 1);
    EXPECT_GT(hop.at("connect_ms"), 0);
    EXPECT_TRUE(hop.at("tls_ms").is_null());
    EXPECT_GT(hop.at("request_ms"), 0);
  }
  EXPECT_FALSE(tunnel(omnilink.listener(), closed_port()));
  hop = here.hop();
  EXPECT_EQ(hop.at("state"), "ok") << "that a target refuses says nothing against the hop";
  EXPECT_EQ(hop.at("outcomes"), 2);

  proxy.reset();
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(tunnel(omnilink.listener(), origin.address()));
  hop = here.hop();
  EXPECT_EQ(hop.at("state"), "failing");
  EXPECT_EQ(hop.at("consecutive_failures"), 3);
  EXPECT_EQ(hop.at("last_failure").at("code"), "refused");
  EXPECT_EQ(hop.at("last_failure").at("step"), "connect");
  EXPECT_TRUE(hop.at("last_failure").at("text").get<std::string>().starts_with("hop 0 (paris): connect: connection refused"));
  EXPECT_FALSE(hop.at("failing_ms").is_null());
  EXPECT_EQ(here.metrics().of(R"(omnilink_hop_up{hop="paris",url="socks5://)" + where.to_string() + "\"}"), 0);

  configuration again = two_workers();
  again.listeners.front().where = where;
  running back{std::move(again)};
  ASSERT_EQ(back.problem(), "");
  EXPECT_TRUE(tunnel(omnilink.listener(), origin.address()));
  EXPECT_EQ(here.hop().at("state"), "ok");
}

TEST(hop_monitor, what_is_known_of_a_hop_outlives_the_monitor_and_a_reload) {
  echo_server origin;
  asked here;
  const core::endpoint nobody = closed_port();
  reloading from;
  running omnilink{from.reloadable(here.config({through_proxy(nobody)}))};
  ASSERT_EQ(omnilink.problem(), "");
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(tunnel(omnilink.listener(), origin.address()));
  EXPECT_EQ(here.hop().at("consecutive_failures"), 2);
  ASSERT_TRUE(omnilink->inject_fault("hop_monitor"));
  EXPECT_EQ(here.hop().at("consecutive_failures"), 2);

  from.next = here.config({through_proxy(nobody, "renamed")});
  ASSERT_TRUE(from.reload(omnilink));
  EXPECT_EQ(here.hop().at("consecutive_failures"), 2) << "the same hop in another chain";
  EXPECT_FALSE(tunnel(omnilink.listener(), origin.address()));
  EXPECT_EQ(here.hop().at("consecutive_failures"), 3);

  from.next = here.config({through_proxy(closed_port())});
  ASSERT_TRUE(from.reload(omnilink));
  EXPECT_EQ(here.hop().at("state"), "untried") << "another address is another hop";
}

TEST(hop_monitor, the_workers_tell_without_being_asked) {
  echo_server origin;
  asked here;
  running omnilink{here.config({through_proxy(closed_port())})};
  ASSERT_EQ(omnilink.problem(), "");
  // Longer than they keep it, and more than both can keep, 64 each.
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{300};
  for (int i = 0; i < 300 || std::chrono::steady_clock::now() < until; ++i) EXPECT_FALSE(tunnel(omnilink.listener(), origin.address()));
  EXPECT_GT(here.hop().at("consecutive_failures"), 2 * 64);
}

TEST(hop_monitor, without_a_chain_there_is_direct) {
  asked here;
  running omnilink{here.config({})};
  ASSERT_EQ(omnilink.problem(), "");
  EXPECT_EQ(here.ask("chains"), json::parse(R"({"chains":[{"chain":"direct","connections":0,"hops":[]}]})"));
}

TEST(metrics, count_what_happened) {
  echo_server origin;
  asked here;
  running proxy{two_workers()};
  running omnilink{here.config({through_proxy(proxy.listener())})};
  ASSERT_EQ(omnilink.problem(), "");
  const std::string ok = R"(omnilink_connections_finished_total{chain="out",code="ok",step="none"})";
  {
    const auto client = tunnel(omnilink.listener(), origin.address());
    ASSERT_TRUE(client);
    ASSERT_TRUE(echoes(client.get(), "five\n"));
    const exposition now = here.metrics_once(R"(omnilink_bytes_total{chain="out",direction="down"})", 5);
    EXPECT_EQ(now.of(R"(omnilink_connections{chain="out"})"), 1);
    EXPECT_EQ(now.of(R"(omnilink_nat_entries{state="live"})"), 1);
    EXPECT_EQ(now.of(ok), -1);
  }
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(tunnel(omnilink.listener(), closed_port()));
  EXPECT_FALSE(tunnel(omnilink.listener(), omnilink.listener()));
  here.metrics_once(ok, 1);
  here.metrics_once(R"(omnilink_connections{chain="out"})", 0);
  const exposition now = here.metrics();
  EXPECT_EQ(now.of(R"(omnilink_connections_finished_total{chain="out",code="hop_refused",step="request"})"), 2);
  EXPECT_EQ(now.of(R"(omnilink_connections_finished_total{chain="",code="loop",step="accept"})"), 1);
  EXPECT_EQ(now.of(R"(omnilink_connections_accepted_total{listener="mixed://)" + omnilink.listener().to_string() + "\"}"), 4);
  EXPECT_EQ(now.of(R"(omnilink_connections_refused_total{limit="max_connections"})"), 0);
  EXPECT_EQ(now.of(R"(omnilink_bytes_total{chain="out",direction="up"})"), 5);
  EXPECT_EQ(now.of("omnilink_loops_total"), 1);
  EXPECT_EQ(now.of(R"(omnilink_connection_duration_seconds_count{chain="out"})"), 3);
  EXPECT_EQ(now.of(R"(omnilink_dial_duration_seconds_count{chain="out"})"), 1);
  const std::string hop = R"({hop="paris",step="connect",url="socks5://)" + proxy.listener().to_string() + "\"}";
  EXPECT_EQ(now.of("omnilink_hop_step_duration_seconds_count" + hop), 3);
  EXPECT_GT(now.of("omnilink_hop_step_duration_seconds_sum" + hop), 0);
  EXPECT_GT(now.of("process_open_fds"), 3);
  EXPECT_GT(now.of("process_resident_memory_bytes"), 1e6);
  EXPECT_EQ(now.of("omnilink_workers"), 2);
}

TEST(metrics, counters_survive_the_death_of_actors) {
  echo_server origin;
  asked here;
  running omnilink{here.config({})};
  ASSERT_EQ(omnilink.problem(), "");
  const std::string direct = R"(omnilink_connections_finished_total{chain="direct",code="ok",step="none"})";
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(tunnel(omnilink.listener(), origin.address()));
  here.metrics_once(direct, 10);
  for (const char* actor : {"forwarder 0", "forwarder 1", "nat_shard 0", "nat_shard 1"}) ASSERT_TRUE(omnilink->inject_fault(actor));
  const exposition now = here.metrics();
  EXPECT_EQ(now.of(direct), 10);
  EXPECT_EQ(now.of("omnilink_nat_inserted_total"), 10);
  EXPECT_EQ(now.of("omnilink_actor_restarts_total"), 4);
}

TEST(metrics, E5_no_credential_and_no_address_of_a_client_is_a_label) {
  echo_server origin;
  asked here;
  running omnilink{here.config({through_proxy(closed_port())})};
  ASSERT_EQ(omnilink.problem(), "");
  EXPECT_FALSE(tunnel(omnilink.listener(), origin.address()));
  const std::string all = here.ask("metrics").dump() + here.ask("chains").dump();
  EXPECT_EQ(all.find("hunter2"), all.npos);
  EXPECT_EQ(all.find(origin.address().to_string()), all.npos);
}

TEST(metrics, names_are_bounded_over_reloads) {
  actors::numbering known;
  const core::endpoint where{core::address::v4(0x7f000001), 1};
  const auto first = known.of(through_proxy(where, "first"));
  for (int i = 0; i < 1000; ++i) {
    chain::chain way = through_proxy({core::address::v4(0x7f000001), static_cast<std::uint16_t>(i + 2)}, "chain" + std::to_string(i));
    const auto numbers = known.of(way);
    ASSERT_LT(numbers.chain, actors::numbering::names_max);
    ASSERT_LT(numbers.hops.at(0), actors::numbering::names_max);
  }
  EXPECT_EQ(known.chains().size(), actors::numbering::names_max);
  EXPECT_EQ(known.hops().size(), actors::numbering::names_max);
  EXPECT_EQ(known.of(through_proxy(where, "chain999")).chain, actors::numbering::other);
  EXPECT_EQ(known.of(through_proxy(where, "first")).chain, first.chain);
  EXPECT_EQ(known.of(through_proxy(where, "first")).hops, first.hops);
}

TEST(metrics, a_value_falls_into_the_bucket_that_ends_at_or_above_it) {
  actors::histogram<actors::step_bounds> seen;
  for (const auto value : actors::step_bounds) seen.add(value);
  seen.add(actors::step_bounds.back() + std::chrono::nanoseconds{1});
  for (const std::uint64_t count : seen.counts) EXPECT_EQ(count, 1u);
  for (const auto value : actors::step_bounds) seen.add(value - std::chrono::nanoseconds{1});
  for (std::size_t i = 0; i + 1 < seen.counts.size(); ++i) EXPECT_EQ(seen.counts[i], 2u);
  seen.add(std::chrono::hours{24 * 365});
  EXPECT_EQ(seen.counts.back(), 2u);
}

}  // namespace
}  // namespace omnilink::test
