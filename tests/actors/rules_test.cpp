// Rules decide about the connections of a running service: each action, and what a reload makes of them.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "actors/rules.hpp"
#include "interceptor/processes.hpp"
#include "tests/actors/echo_server.hpp"
#include "tests/actors/reloading.hpp"
#include "tests/actors/ruled.hpp"

namespace omnilink::test {
namespace {

using actors::configuration;

std::string port(const core::endpoint& of) { return std::to_string(of.port); }

TEST(rules, the_first_that_meets_decides_and_what_meets_none_is_rejected) {
  echo_server one, two, three;
  trips seen;
  {
    running omnilink{seen.watched(with({to_port(one.address(), "direct", "one"), to_port(two.address(), "reject", "no-two"), to_port(two.address(), "direct")}))};
    ASSERT_EQ(omnilink.problem(), "");
    EXPECT_TRUE(tunnel(omnilink.listener(), one.address()));
    EXPECT_EQ(socks5_connect(connect_tcp(omnilink.listener()).get(), two.address()), 2) << "RFC 1928: not allowed by ruleset";
    EXPECT_EQ(socks5_connect(connect_tcp(omnilink.listener()).get(), three.address()), 2);
  }
  ASSERT_EQ(seen.all.size(), 3u);
  for (const auto& t : seen.all) {
    const bool is_one = t.original == core::target{one.address()}, is_two = t.original == core::target{two.address()};
    EXPECT_EQ(t.rule, is_one ? "one" : is_two ? "no-two" : "");
    EXPECT_EQ(t.chain, is_one ? "direct" : "reject");
    EXPECT_EQ(t.verdict.code == core::errc::rejected, !is_one);
    EXPECT_EQ(t.verdict.detail, is_one ? "" : is_two ? "by \"no-two\"" : "no rule permits it");
  }
}

TEST(rules, chains_are_chosen_by_name) {
  echo_server a, b, c;
  trips first, second;
  running hop_a{first.watched(two_workers())}, hop_b{second.watched(two_workers())};
  configuration config = with({to_port(a.address(), "chain:a"), to_port(b.address(), "chain:b"), to_port(c.address(), "permit")});
  config.chains = {through("a", hop_a.listener()), through("b", hop_b.listener())};
  {
    running omnilink{std::move(config)};
    ASSERT_EQ(omnilink.problem(), "");
    for (const auto* to : {&a, &b}) {
      const auto fd = tunnel(omnilink.listener(), to->address());
      EXPECT_TRUE(echoes(fd.get(), "hello\n"));
    }
    EXPECT_FALSE(tunnel(omnilink.listener(), c.address())) << "permitted, but by which of two chains?";
  }
  for (auto* hop : {&hop_a, &hop_b}) {
    (*hop)->drain();
    (*hop)->wait();
  }
  ASSERT_EQ(first.all.size(), 1u);
  ASSERT_EQ(second.all.size(), 1u);
  EXPECT_EQ(first.all[0].original, core::target{a.address()});
  EXPECT_EQ(second.all[0].original, core::target{b.address()});
}

TEST(rules, redirect_changes_the_target_and_the_nat_entry_keeps_the_original) {
  echo_server real, refused;
  temporary_folder folder;
  // The later rule sees the changed port.
  configuration config = with({{"move", {{"host", {"*.example.test"}}}, "redirect:127.0.0.1:" + port(real.address()), true},
                               to_port(real.address(), "direct", "real"), everything("reject")});
  config.query_socket = folder.path + "/query.sock";
  running omnilink{std::move(config)};
  ASSERT_EQ(omnilink.problem(), "");
  const core::target asked{std::string{"www.example.test"}, 80};
  const auto fd = tunnel(omnilink.listener(), asked);
  ASSERT_TRUE(fd);
  EXPECT_TRUE(echoes(fd.get(), "redirected\n"));
  const auto answer = test::query(folder.path + "/query.sock", about(fd.get()));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->original, asked);
  EXPECT_FALSE(tunnel(omnilink.listener(), refused.address()));
}

TEST(rules, A1_a_redirect_to_our_own_listener_is_a_loop) {
  echo_server origin;
  trips seen;
  configuration config = seen.watched(two_workers());
  core::endpoint listening;
  {
    running before{two_workers()};
    listening = before.listener();  // a free port
  }
  config.listeners.front().where = listening;
  config.rules = {everything("redirect::" + port(listening)), everything("direct")};
  {
    running omnilink{std::move(config)};
    ASSERT_EQ(omnilink.problem(), "");
    EXPECT_EQ(socks5_connect(connect_tcp(omnilink.listener()).get(), origin.address()), 2);
  }
  ASSERT_EQ(seen.all.size(), 1u);
  EXPECT_EQ(seen.all[0].verdict.code, core::errc::loop);
}

TEST(rules, a_silent_block_gives_no_answer_and_holds_the_client) {
  echo_server origin;
  trips seen;
  configuration config = seen.watched(with({everything("block")}));
  config.timeouts.chain = std::chrono::milliseconds{200};
  {
    running omnilink{std::move(config)};
    ASSERT_EQ(omnilink.problem(), "");
    const auto fd = connect_tcp(omnilink.listener());
    EXPECT_EQ(socks5_connect(fd.get(), origin.address()), -1);
  }
  ASSERT_EQ(seen.all.size(), 1u);
  EXPECT_EQ(seen.all[0].verdict.code, core::errc::rejected);
}

TEST(rules, the_source_and_the_listener_are_known) {
  echo_server origin;
  {
    running omnilink{with({{{}, {{"source", {"127.0.0.0/8"}}, {"listener", {"mixed:*"}}, {"protocol", {"6"}}}, "direct", true}})};
    ASSERT_EQ(omnilink.problem(), "");
    EXPECT_TRUE(tunnel(omnilink.listener(), origin.address()));
  }
  running other{with({{{}, {{"listener", {"redirect:*"}}}, "direct", true}})};
  EXPECT_FALSE(tunnel(other.listener(), origin.address()));
}

// This process is both the program and the service.
TEST(rules, the_program_is_known_where_a_rule_asks) {
  echo_server origin;
  const std::string exe = std::filesystem::read_symlink("/proc/self/exe");
  const auto may = [&](const char* key, const std::string& value) {
    running omnilink{with({{"program", {{key, {value}}}, "direct", true}, everything("reject")})};
    return static_cast<bool>(tunnel(omnilink.listener(), origin.address()));
  };
  EXPECT_TRUE(may("exe", exe));
  EXPECT_FALSE(may("exe", exe + "x"));
  EXPECT_TRUE(may("process", std::filesystem::path{exe}.filename().string().substr(0, 15)));
  EXPECT_TRUE(may("pid", std::to_string(::getpid())));
  EXPECT_FALSE(may("pid", std::to_string(::getppid())));
  EXPECT_TRUE(may("uid", std::to_string(::geteuid())));
  EXPECT_FALSE(may("uid", std::to_string(::geteuid() + 1)));
  EXPECT_TRUE(may("gid", std::to_string(::getegid())));
  EXPECT_TRUE(may("interface", "lo"));
  EXPECT_FALSE(may("interface", "eth*"));
  const auto groups = interceptor::proc_processes{}.find({wire::process_question::kind::pid, static_cast<std::uint64_t>(::getpid()), 0});
  ASSERT_TRUE(groups);
  EXPECT_TRUE(groups->cgroup.empty() || may("cgroup", groups->cgroup));
}

// What nobody says of a connection meets no rule, not even a negated one.
TEST(rules, what_is_not_known_of_a_connection_meets_no_rule) {
  echo_server origin;
  running omnilink{with({{"elsewhere", {{"netns", {"1"}}}, "direct", true}, everything("reject")})};
  EXPECT_FALSE(tunnel(omnilink.listener(), origin.address()));
}

TEST(rules, a_service_with_wrong_rules_does_not_start) {
  running omnilink{with({everything("drect")})};
  EXPECT_NE(omnilink.problem().find("there is no action \"drect\""), std::string::npos) << omnilink.problem();
}

TEST(rules, D10_a_reload_changes_all_rules_or_none) {
  echo_server origin;
  reloading from;
  running omnilink{from.reloadable(with({everything("direct")}))};
  ASSERT_EQ(omnilink.problem(), "");
  const auto old = tunnel(omnilink.listener(), origin.address());
  ASSERT_TRUE(old);
  from.next = with({everything("reject")});
  EXPECT_TRUE(from.reload(omnilink));
  EXPECT_FALSE(tunnel(omnilink.listener(), origin.address()));
  EXPECT_TRUE(echoes(old.get(), "it began before"));
  from.next = with({everything("direct"), everything("drect")});
  EXPECT_FALSE(from.reload(omnilink));
  EXPECT_FALSE(tunnel(omnilink.listener(), origin.address())) << "the old set is in force";
  from.next = with({to_port(origin.address(), "direct")});
  EXPECT_TRUE(from.reload(omnilink));
  EXPECT_TRUE(tunnel(omnilink.listener(), origin.address()));
  from.next = two_workers();
  EXPECT_TRUE(from.reload(omnilink));
  EXPECT_TRUE(tunnel(omnilink.listener(), origin.address())) << "no rules, no chain: direct";
}

TEST(rules, owners_have_sublayers_of_their_own) {
  using namespace interceptor::filter;
  echo_server good, bad;
  configuration config = with({everything("direct")});
  config.sublayers = {{"security", 60000, "it"}};
  filter no;
  no.name = "no";
  no.provider = "it";
  no.sublayer = "security";
  no.layer = layer_id::connect_auth_v4;
  no.conditions = {{field_id::remote_port, false, {number_range{bad.address().port, bad.address().port}}}};
  no.action = action::block();
  config.filters = {no};
  engine again;
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(actors::load_rules(again, config).empty());
  EXPECT_EQ(again.defined().filters.size(), 3u);
  running omnilink{std::move(config)};
  ASSERT_EQ(omnilink.problem(), "");
  EXPECT_TRUE(tunnel(omnilink.listener(), good.address()));
  EXPECT_FALSE(tunnel(omnilink.listener(), bad.address())) << "a block of another owner overrides the permit";
}

TEST(rules, the_accept_layer_says_who_may_come) {
  using namespace interceptor::filter;
  echo_server origin;
  trips seen;
  configuration config = seen.watched(with({everything("direct")}));
  config.listeners.push_back(config.listeners.front());
  core::endpoint closed;
  {
    running before{two_workers()};
    closed = before.listener();  // a free port
  }
  config.listeners[1].where = closed;
  filter no;
  no.name = "closed";
  no.layer = layer_id::accept_v4;
  no.conditions = {{field_id::remote_address, false, {*core::cidr::parse("127.0.0.0/8")}}, {field_id::local_port, false, {number_range{closed.port, closed.port}}}};
  no.action = action::block();
  config.filters = {no};
  {
    running omnilink{std::move(config)};
    ASSERT_EQ(omnilink.problem(), "");
    EXPECT_EQ(receive_end(connect_tcp(closed).get()), -ECONNRESET) << "before it has said anything";
    const auto fd = tunnel(omnilink.listener(), origin.address());
    EXPECT_TRUE(echoes(fd.get(), "hello\n"));
  }
  const auto ended = seen.wait(2);
  ASSERT_EQ(ended.size(), 2u);
  EXPECT_EQ(ended[0].verdict.code, core::errc::rejected);
  EXPECT_EQ(ended[0].verdict.step, core::step::accept);
  EXPECT_EQ(ended[0].rule, "closed");
}

TEST(rules, read_again_they_keep_their_ids_and_counters) {
  interceptor::filter::engine engine;
  const configuration same = with({everything("direct")});
  ASSERT_TRUE(actors::load_rules(engine, same).empty());
  EXPECT_EQ(engine.defined().filters.size(), 2u);  // for IPv4 and IPv6
  const auto id = engine.defined().filters.begin()->first;
  const auto* counters = engine.counters_of(id);
  ASSERT_TRUE(actors::load_rules(engine, same).empty());
  EXPECT_EQ(engine.counters_of(id), counters);
  EXPECT_TRUE(actors::policy_of(engine));
  ASSERT_TRUE(actors::load_rules(engine, two_workers()).empty());
  EXPECT_FALSE(actors::policy_of(engine)) << "without filters nobody is asked";
}

}  // namespace
}  // namespace omnilink::test
