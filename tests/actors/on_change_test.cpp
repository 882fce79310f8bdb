// What becomes of live connections when the rules change: on_change, after a reload and after enable and disable.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "io/accept.hpp"
#include "io/address.hpp"
#include "tests/actors/echo_server.hpp"
#include "tests/actors/reloading.hpp"
#include "tests/actors/ruled.hpp"

namespace omnilink::test {
namespace {

using actors::configuration;
using nlohmann::json;

class live : public ::testing::Test {
 protected:
  configuration reloadable(std::vector<rule> rules) { return from.reloadable(seen.watched(as(std::move(rules)))); }
  configuration as(std::vector<rule> rules) {
    configuration out = with(std::move(rules));
    out.admin_socket = folder.path + "/admin.sock";
    out.service.drain_timeout = drain_timeout;
    return out;
  }
  bool reload(running& omnilink, std::vector<rule> rules) {
    from.next = seen.watched(as(std::move(rules)));
    return from.reload(omnilink);
  }
  io::descriptor to(running& omnilink, const echo_server& origin) { return tunnel(omnilink.listener(), origin.address()); }
  const actors::trip_report& trip_to(const std::vector<actors::trip_report>& all, const echo_server& origin) {
    return *std::ranges::find(all, core::target{origin.address()}, &actors::trip_report::original);
  }
  /// Both filters of that name, for IPv4 and IPv6.
  void switch_rule(std::string_view name, const std::string& verb) {
    const json listed = json::parse(admin(folder.path + "/admin.sock", R"({"verb": "rules_list"})"));
    for (const json& one : listed.at("rules")) {
      if (one.at("name") != name) continue;
      const std::string done = admin(folder.path + "/admin.sock", R"({"verb": ")" + verb + R"(", "id": )" + one.at("id").dump() + "}");
      EXPECT_TRUE(json::parse(done).contains("rule")) << done;
    }
  }

  core::nanoseconds drain_timeout = std::chrono::seconds{1};
  trips seen;
  temporary_folder folder;
  reloading from;
  echo_server a, b, c, d;
};

TEST_F(live, a_reload_closes_drains_or_keeps_and_leaves_alone_what_it_does_not_touch) {
  running omnilink{reloadable({to_port(a.address(), "direct", "a", on_change::close), to_port(b.address(), "direct", "b", on_change::drain),
                               to_port(c.address(), "direct", "c"), to_port(d.address(), "direct", "d", on_change::close)})};
  ASSERT_EQ(omnilink.problem(), "");
  const auto closed = to(omnilink, a), drained = to(omnilink, b), kept = to(omnilink, c), untouched = to(omnilink, d);
  ASSERT_TRUE(closed && drained && kept && untouched);
  ASSERT_TRUE(reload(omnilink, {to_port(a.address(), "reject", "no-a"), to_port(c.address(), "reject"), to_port(d.address(), "direct", "d", on_change::close)}));
  EXPECT_EQ(receive_end(closed.get()), -ECONNRESET);
  EXPECT_TRUE(echoes(drained.get(), "not at once\n"));
  EXPECT_EQ(receive_end(drained.get()), -ECONNRESET);
  for (const auto* fd : {&kept, &untouched}) EXPECT_TRUE(echoes(fd->get(), "lives on\n"));
  const auto ended = seen.wait(2);
  ASSERT_EQ(ended.size(), 2u);
  for (const auto& [origin, rule, detail] : {std::tuple{&a, "a", "close, since it would be rejected by \"no-a\" now"},
                                             std::tuple{&b, "b", "drain, since it would be no rule permits it now"}}) {
    const auto& trip = trip_to(ended, *origin);
    EXPECT_EQ(trip.verdict.code, core::errc::rules_changed);
    EXPECT_EQ(trip.verdict.step, core::step::relay);
    EXPECT_EQ(trip.verdict.detail, detail);
    EXPECT_EQ(trip.rule, rule) << "the one that let it go";
    EXPECT_GE(trip.duration, origin == &b ? drain_timeout : core::nanoseconds{0});
  }
  for (const auto* origin : {&a, &b, &c}) EXPECT_FALSE(to(omnilink, *origin));
}

TEST_F(live, disabling_and_enabling_a_rule_is_a_change) {
  running omnilink{reloadable({to_port(a.address(), "direct", "a", on_change::close), to_port(b.address(), "direct", "b", on_change::drain),
                               to_port(c.address(), "direct", "c"), to_port(d.address(), "direct", "d", on_change::close)})};
  ASSERT_EQ(omnilink.problem(), "");
  const auto closed = to(omnilink, a), drained = to(omnilink, b), kept = to(omnilink, c), untouched = to(omnilink, d);
  for (const char* name : {"a", "b", "c"}) switch_rule(name, "rules_disable");
  EXPECT_EQ(receive_end(closed.get()), -ECONNRESET);
  EXPECT_TRUE(echoes(drained.get(), "not at once\n"));
  EXPECT_EQ(receive_end(drained.get()), -ECONNRESET);
  for (const auto* fd : {&kept, &untouched}) EXPECT_TRUE(echoes(fd->get(), "lives on\n"));
  for (const char* name : {"a", "b", "c"}) switch_rule(name, "rules_enable");
  EXPECT_TRUE(to(omnilink, a));
  for (const auto* fd : {&kept, &untouched}) EXPECT_TRUE(echoes(fd->get(), "lives on\n"));
  const json listed = json::parse(admin(folder.path + "/admin.sock", R"({"verb": "rules_list"})"));
  for (const json& one : listed.at("rules")) {
    const bool is_it = one.at("name") == "d" && one.at("layer") == "connect_auth_v4";
    EXPECT_TRUE(!is_it || one.at("hits") == 1) << "asked about again is not met again";
  }
}

TEST_F(live, another_chain_or_destination_is_a_change_and_another_rule_alone_is_none) {
  running hop{two_workers()};
  const auto chained = [&](std::vector<rule> rules) {
    configuration out = as(std::move(rules));
    out.chains = {through("one", hop.listener()), through("two", hop.listener())};
    return out;
  };
  const auto close = on_change::close;
  running omnilink{from.reloadable(seen.watched(chained({to_port(a.address(), "chain:one", "a", close), to_port(b.address(), "direct", "b", close),
                                                         to_port(c.address(), "direct", "c", close)})))};
  ASSERT_EQ(omnilink.problem(), "");
  const auto by_chain = to(omnilink, a), by_target = to(omnilink, b), same = to(omnilink, c);
  from.next = seen.watched(chained({to_port(a.address(), "chain:two", "a"), to_port(b.address(), "redirect::" + std::to_string(c.address().port)),
                                    everything("direct")}));
  ASSERT_TRUE(from.reload(omnilink));
  EXPECT_EQ(receive_end(by_chain.get()), -ECONNRESET);
  EXPECT_EQ(receive_end(by_target.get()), -ECONNRESET);
  EXPECT_TRUE(echoes(same.get(), "another rule, the same way\n"));
  const auto ended = seen.wait(2);
  EXPECT_EQ(trip_to(ended, a).verdict.detail, "close, since it would be through chain two by \"a\" now");
  EXPECT_NE(trip_to(ended, b).verdict.detail.find("direct to " + c.address().to_string()), std::string::npos) << trip_to(ended, b).verdict.detail;
  ASSERT_TRUE(reload(omnilink, {everything("reject")}));
  EXPECT_TRUE(echoes(same.get(), "the rule that let it go on last says keep\n"));
}

TEST_F(live, rules_where_there_were_none_adopt_what_runs) {
  running omnilink{reloadable({})};
  const auto fd = to(omnilink, a);
  ASSERT_TRUE(reload(omnilink, {everything("reject")}));
  EXPECT_TRUE(echoes(fd.get(), "nobody said what a change is to do\n"));
  ASSERT_TRUE(reload(omnilink, {to_port(a.address(), "direct", "a", on_change::close)}));
  EXPECT_TRUE(echoes(fd.get(), "as it goes\n"));
  ASSERT_TRUE(reload(omnilink, {everything("reject")}));
  EXPECT_EQ(receive_end(fd.get()), -ECONNRESET);
  EXPECT_EQ(seen.wait(1).at(0).rule, "a");
}

TEST_F(live, the_accept_layer_has_its_say_again) {
  using namespace interceptor::filter;
  const auto from_loopback = [&](action what) {
    configuration out = seen.watched(as({everything("direct")}));
    interceptor::filter::filter one;
    one.name = "loopback";
    one.layer = layer_id::accept_v4;
    one.action = std::move(what);
    one.on_change = on_change::close;
    out.filters = {one};
    return out;
  };
  running omnilink{from.reloadable(from_loopback(action::permit()))};
  const auto fd = to(omnilink, a);
  EXPECT_TRUE(echoes(fd.get(), "permitted\n"));
  from.next = from_loopback(action::block());
  ASSERT_TRUE(from.reload(omnilink));
  EXPECT_EQ(receive_end(fd.get()), -ECONNRESET);
  EXPECT_EQ(seen.wait(1).at(0).rule, "loopback, rule 1");
}

TEST_F(live, who_drains_goes_on_when_the_change_is_taken_back) {
  running omnilink{reloadable({to_port(a.address(), "direct", "a", on_change::drain), to_port(b.address(), "direct", "b", on_change::drain)})};
  const auto back = to(omnilink, a), drained = to(omnilink, b);
  ASSERT_TRUE(reload(omnilink, {everything("reject")}));
  EXPECT_TRUE(echoes(back.get(), "draining\n"));
  ASSERT_TRUE(reload(omnilink, {to_port(a.address(), "direct", "a", on_change::drain)}));
  EXPECT_EQ(receive_end(drained.get()), -ECONNRESET) << "after the time in which both would have ended";
  EXPECT_TRUE(echoes(back.get(), "goes on\n"));
}

TEST_F(live, who_still_waits_for_a_hop_is_told) {
  const io::descriptor silent{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_storage raw{};
  ASSERT_EQ(::bind(silent.get(), reinterpret_cast<sockaddr*>(&raw), io::to_sockaddr({core::address::v4(0x7f000001), 0}, raw)), 0);
  ASSERT_EQ(::listen(silent.get(), 1), 0);
  configuration config = reloadable({to_port(a.address(), "chain:out", "a", on_change::close)});
  config.chains = {through("out", io::bound_address(silent.get()))};
  running omnilink{std::move(config)};
  std::atomic<int> reply{-2};
  std::thread client{[&] { reply = socks5_connect(connect_tcp(omnilink.listener()).get(), a.address()); }};
  const io::descriptor dialled{::accept4(silent.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  EXPECT_TRUE(reload(omnilink, {everything("reject")}));
  client.join();
  EXPECT_EQ(reply, 2) << "RFC 1928: not allowed by ruleset";
}

TEST_F(live, many_are_asked_about_while_bytes_flow) {
  const std::vector<rule> first{to_port(a.address(), "direct", "a", on_change::close), everything("direct")};
  running omnilink{reloadable(first)};
  ASSERT_EQ(omnilink.problem(), "");
  std::vector<io::descriptor> many;
  for (int i = 0; i < 300; ++i) many.push_back(to(omnilink, a));
  std::atomic<bool> done{false}, intact{true};
  std::atomic<int> rounds{0};
  std::thread stream{[&] {
    const auto fd = to(omnilink, b);
    for (std::uint32_t round = 0; !done; ++round) {
      std::string block(64 * 1024, '\0');
      for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<char>(i * 7 + round + i / 251);
      if (!send_all(fd.get(), block) || receive(fd.get(), block.size()) != block) intact = false;
      ++rounds;
      rounds.notify_all();
    }
  }};
  rounds.wait(0);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(reload(omnilink, {to_port(c.address(), i % 2 ? "direct" : "reject"), first[0], first[1]}));
  }
  for (const auto& fd : many) EXPECT_TRUE(echoes(fd.get(), "x"));
  ASSERT_TRUE(reload(omnilink, {to_port(a.address(), "reject"), everything("direct")}));
  for (const auto& fd : many) EXPECT_EQ(receive_end(fd.get()), -ECONNRESET);
  done = true;
  stream.join();
  EXPECT_TRUE(intact);
}

}  // namespace
}  // namespace omnilink::test
