// Callouts in a running service: what limits count, what becomes of a connection whose callout fails, and which layers are asked.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "tests/actors/echo_server.hpp"
#include "tests/actors/reloading.hpp"
#include "tests/actors/running_service.hpp"

namespace omnilink::test {
namespace {

using actors::configuration;
using interceptor::callout_settings;
using interceptor::limit_settings;
namespace filter = interceptor::filter;
using filter::layer_id;

/// A callout of the test's own; it is told to keep a context for each connection, and remembers which it got back.
class recorder : public filter::callout {
 public:
  using script = std::function<void(layer_id, filter::layer_data)>;
  explicit recorder(script does = {}) : does_{std::move(does)} {}

  void classify(const filter::values&, const filter::metadata& about, filter::layer_data data, const filter::filter& by, std::uint64_t,
                filter::classify_out& out) override {
    const std::lock_guard lock{mutex_};
    out.action = filter::classify_out::answer::go_on;
    ++asked_[by.layer];
    if (!about.explaining) out.associate = ++last_;
    if (does_) does_(by.layer, data);
  }
  void flow_delete(layer_id, std::uint64_t context) override {
    const std::lock_guard lock{mutex_};
    ++given_back_[context];
  }

  int asked(layer_id at) {
    const std::lock_guard lock{mutex_};
    return asked_[at];
  }
  /// Every context came back once, and none is missing.
  bool settled() {
    const std::lock_guard lock{mutex_};
    return given_back_.size() == last_ && std::ranges::all_of(given_back_, [](const auto& one) { return one.second == 1; });
  }

 private:
  const script does_;
  std::mutex mutex_;
  std::map<layer_id, int> asked_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, int> given_back_;
};

filter::rule send_to(const core::endpoint& of, std::string action, std::string name) {
  return {std::move(name), {{"port", {std::to_string(of.port)}}}, std::move(action), true};
}

filter::filter looking(layer_id at, const char* callout) {
  filter::filter out;
  out.name = "looks";
  out.provider = "configuration";
  out.layer = at;
  out.action = filter::action::callout(filter::action_kind::callout_inspection, callout);
  return out;
}

/// Trips that ended.
struct reports {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<actors::trip_report> all;

  configuration watched(configuration out) {
    out.report_trip = [this](const actors::trip_report& t) {
      const std::lock_guard lock{mutex};
      all.push_back(t);
      changed.notify_all();
    };
    return out;
  }
  actors::trip_report at(std::size_t index) {
    std::unique_lock lock{mutex};
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds{10}, [&] { return all.size() > index; }));
    return index < all.size() ? all[index] : actors::trip_report{};
  }
};

// A limit of one connection, to nobody in particular.
configuration with_limit(std::uint32_t connections) {
  configuration out = two_workers();
  out.callouts.push_back({"few", limit_settings{{}, connections}});
  out.rules = {{"few", {}, "callout:few", true}, {"all", {}, "direct", true}};
  return out;
}

int reply_of(const core::endpoint& listener, const core::endpoint& to) {
  return socks5_connect(connect_tcp(listener).get(), core::target{to});
}

// Until there is place again: the end of a connection is noticed by its worker.
io::descriptor tunnel_at_last(const core::endpoint& listener, const core::endpoint& to) {
  io::descriptor out;
  for (int tries = 0; !out && tries < 2000; ++tries) {
    if (tries > 0) ::usleep(5000);
    out = tunnel(listener, core::target{to});
  }
  return out;
}

TEST(callouts, what_is_over_a_limit_is_blocked_by_its_rule) {
  echo_server origin;
  reports seen;
  running omnilink{seen.watched(with_limit(2))};
  ASSERT_EQ(omnilink.problem(), "");
  auto one = tunnel(omnilink.listener(), core::target{origin.address()}), two = tunnel(omnilink.listener(), core::target{origin.address()});
  EXPECT_TRUE(one && two);
  EXPECT_EQ(reply_of(omnilink.listener(), origin.address()), 2) << "RFC 1928: not allowed by ruleset";
  const auto refused = seen.at(0);
  EXPECT_EQ(refused.rule, "few");
  EXPECT_EQ(refused.verdict.code, core::errc::rejected);
  EXPECT_EQ(refused.verdict.detail, "by \"few\"");
  two.reset();
  EXPECT_TRUE(tunnel_at_last(omnilink.listener(), origin.address()));
}

TEST(callouts, a_limit_counts_on_through_a_reload_and_lets_go_of_who_is_killed) {
  echo_server origin;
  temporary_folder folder;
  reloading control;
  configuration config = with_limit(1);
  config.admin_socket = folder.path + "/admin.sock";
  control.next = config;
  running omnilink{control.reloadable(config)};
  ASSERT_EQ(omnilink.problem(), "");
  const auto first = tunnel(omnilink.listener(), core::target{origin.address()});
  ASSERT_TRUE(first);
  for (const std::uint32_t most : {1u, 2u, 1u}) {
    control.next.callouts[0].what = limit_settings{{}, most};
    ASSERT_TRUE(control.reload(omnilink));
    const auto more = tunnel(omnilink.listener(), core::target{origin.address()});
    EXPECT_EQ(static_cast<bool>(more), most == 2) << most;
  }
  EXPECT_NE(admin(config.admin_socket, R"({"verb": "connections_kill", "id": 1})").find("\"killed\":"), std::string::npos);
  EXPECT_NE(admin(config.admin_socket, R"({"verb": "connections_kill", "id": 2})").find("\"killed\":"), std::string::npos);
  EXPECT_TRUE(tunnel_at_last(omnilink.listener(), origin.address()));
}

TEST(callouts, one_that_throws_or_takes_too_long_ends_its_connection_only) {
  echo_server origin, thrower, sleeper, late;
  reports seen;
  configuration config = seen.watched(two_workers());
  const auto throws = std::make_shared<recorder>([](layer_id, filter::layer_data) { throw std::runtime_error{"no"}; });
  const auto sleeps = std::make_shared<recorder>([](layer_id, filter::layer_data) { ::usleep(150'000); });
  config.callouts = {{"throws", throws}, {"sleeps", sleeps}};
  filter::filter at_end = looking(layer_id::flow_established, "throws");
  const auto port = std::uint64_t{late.address().port};
  at_end.conditions = {{filter::field_id::remote_port, false, {filter::number_range{port, port}}}};
  config.filters = {at_end};
  config.rules = {send_to(thrower.address(), "callout:throws", "bad"), send_to(sleeper.address(), "callout:sleeps", "slow"), {"all", {}, "direct", true}};
  running omnilink{std::move(config)};
  ASSERT_EQ(omnilink.problem(), "");
  const auto bystander = tunnel(omnilink.listener(), core::target{origin.address()});
  EXPECT_EQ(reply_of(omnilink.listener(), thrower.address()), 1) << "general failure";
  EXPECT_EQ(reply_of(omnilink.listener(), sleeper.address()), 1);
  const auto cut = tunnel(omnilink.listener(), core::target{late.address()});
  EXPECT_EQ(receive_end(cut.get()), -ECONNRESET) << "it was connected already";
  for (std::size_t i = 0; i < 3; ++i) {
    const auto ended = seen.at(i);
    EXPECT_EQ(ended.verdict.code, core::errc::internal);
    constexpr const char* rules[] = {"bad", "slow", "all, looks"};
    EXPECT_EQ(ended.rule, rules[i]);
  }
  EXPECT_TRUE(echoes(bystander.get(), "still there\n"));
  EXPECT_TRUE(tunnel(omnilink.listener(), core::target{origin.address()}));
}

TEST(callouts, later_layers_are_asked_and_every_context_comes_back_once) {
  echo_server origin, closed;
  const auto own = std::make_shared<recorder>();
  reloading control;
  configuration config = two_workers();
  config.callouts = {{"own", own}};
  for (const layer_id at : {layer_id::stream, layer_id::flow_established, layer_id::flow_closed}) config.filters.push_back(looking(at, "own"));
  config.rules = {{"own", {}, "callout:own", true}, send_to(closed.address(), "reject", "no"), {"all", {}, "direct", true}};
  control.next = config;
  {
    running omnilink{control.reloadable(std::move(config))};
    ASSERT_EQ(omnilink.problem(), "");
    auto ends = tunnel(omnilink.listener(), core::target{origin.address()}), stays = tunnel(omnilink.listener(), core::target{origin.address()});
    ASSERT_TRUE(echoes(ends.get(), "one\n") && echoes(stays.get(), "two\n"));
    EXPECT_EQ(reply_of(omnilink.listener(), closed.address()), 2);
    EXPECT_EQ(own->asked(layer_id::stream), 4) << "of each side, and not of one that was refused before";
    EXPECT_EQ(own->asked(layer_id::flow_established), 2);
    ::shutdown(ends.get(), SHUT_WR);
    EXPECT_EQ(receive_end(ends.get()), 0);
    ASSERT_TRUE(control.reload(omnilink));
    control.next.rules.erase(control.next.rules.begin());
    control.next.callouts.clear();
    control.next.filters.clear();
    ASSERT_TRUE(control.reload(omnilink));
    EXPECT_TRUE(echoes(stays.get(), "still there\n"));
    omnilink->stop();
    omnilink->wait();
  }
  EXPECT_EQ(own->asked(layer_id::flow_closed), 2);
  EXPECT_TRUE(own->settled());
}

/// Forbids what a target says first.
class censor : public filter::callout {
 public:
  void classify(const filter::values&, const filter::metadata& about, filter::layer_data data, const filter::filter&, std::uint64_t,
                filter::classify_out& out) override {
    const std::string_view said{reinterpret_cast<const char*>(data.data()), data.size()};
    const bool forbidden = about.way == filter::stream_way::to_client && said.starts_with("bad");
    out.action = forbidden ? filter::classify_out::answer::block : filter::classify_out::answer::go_on;
  }
};

TEST(callouts, what_a_target_says_first_is_judged_before_the_client_has_it) {
  echo_server origin;
  reports seen;
  configuration config = seen.watched(two_workers());
  config.callouts = {{"censor", std::make_shared<censor>()}};
  filter::filter judges = looking(layer_id::stream, "censor");
  judges.action = filter::action::callout(filter::action_kind::callout_unknown, "censor");
  config.filters = {judges};
  config.rules = {{"all", {}, "direct", true}};
  running omnilink{std::move(config)};
  ASSERT_EQ(omnilink.problem(), "");
  const auto good = tunnel(omnilink.listener(), core::target{origin.address()}), bad = tunnel(omnilink.listener(), core::target{origin.address()});
  ASSERT_TRUE(echoes(good.get(), "good\n"));
  ASSERT_EQ(::send(bad.get(), "bad\n", 4, MSG_NOSIGNAL), 4);
  EXPECT_EQ(receive_end(bad.get()), -ECONNRESET);
  const auto ended = seen.at(0);
  EXPECT_EQ(ended.verdict.code, core::errc::rejected);
  EXPECT_EQ(ended.rule, "all, looks");
  EXPECT_TRUE(echoes(good.get(), "bad\n")) << "only what comes first is asked about";
}

}  // namespace
}  // namespace omnilink::test
