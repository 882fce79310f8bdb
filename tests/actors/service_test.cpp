// The worker runtime as a whole, over real sockets: admission, isolation of failures, restarts, drain and stop.
#include "actors/service.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <latch>
#include <stdexcept>

#include "io/accept.hpp"
#include "tests/actors/echo_server.hpp"
#include "tests/actors/running_service.hpp"
#include "tests/actors/socket_client.hpp"

namespace omnilink::test {
namespace {

using actors::configuration;
using actors::service;

TEST(service, carries_a_socks5_connection_to_its_target) {
  echo_server origin;
  running omnilink{two_workers()};
  ASSERT_EQ(omnilink.problem(), "");
  const auto fd = tunnel(omnilink.listener(), origin.address());
  ASSERT_TRUE(fd);
  EXPECT_TRUE(echoes(fd.get(), "through the worker\n"));
}

TEST(service, says_which_listener_cannot_be_opened_and_runs_nothing) {
  running first{two_workers()};
  configuration second = two_workers();
  second.listeners.front().where = first.listener();
  running refused{std::move(second)};
  EXPECT_NE(refused.problem().find("mixed://" + first.listener().to_string()), std::string::npos) << refused.problem();
}

TEST(service, a_refused_target_is_said_in_the_reply) {
  core::endpoint closed;
  {
    echo_server gone;
    closed = gone.address();
  }
  running omnilink{two_workers()};
  const auto fd = connect_tcp(omnilink.listener());
  EXPECT_EQ(socks5_connect(fd.get(), closed), 5);  // RFC 1928: connection refused
}

TEST(service, A1_a_target_that_is_our_own_listener_is_refused_as_a_loop) {
  std::atomic<int> trips{0};
  configuration config = two_workers();
  config.report_trip = [&](const actors::trip_report& t) {
    EXPECT_EQ(t.verdict.code, core::errc::loop);
    ++trips;
  };
  running omnilink{std::move(config)};
  for (const char* host : {"127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0", "localhost"}) {
    const auto fd = connect_tcp(omnilink.listener());
    EXPECT_EQ(socks5_connect(fd.get(), *core::target::parse_host(host, omnilink.listener().port)), 2) << host;
  }
  omnilink->stop();
  omnilink->wait();
  EXPECT_EQ(trips, 4);  // one connection each: never two
}

TEST(service, the_death_of_any_actor_ends_no_connection_and_loses_no_nat_entry) {
  temporary_folder folder;
  echo_server origin;
  configuration config = two_workers();
  config.query_socket = folder.path + "/query.sock";
  running omnilink{std::move(config)};
  ASSERT_EQ(omnilink.problem(), "");
  std::vector<io::descriptor> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(tunnel(omnilink.listener(), origin.address()));
    ASSERT_TRUE(clients.back());
  }
  for (const char* actor : {"supervisor", "interceptor", "query_endpoint", "nat_shard 0", "nat_shard 1", "forwarder 0",
                            "forwarder 1", "supervisor"}) {
    ASSERT_TRUE(omnilink->inject_fault(actor)) << actor;
    for (const auto& fd : clients) {
      ASSERT_TRUE(echoes(fd.get(), "still here\n")) << "after the death of " << actor;
      const auto answer = test::query(folder.path + "/query.sock", about(fd.get()));
      ASSERT_TRUE(answer) << actor;
      ASSERT_EQ(answer->what, wire::nat_answer::status::live) << actor;
      ASSERT_EQ(answer->original, core::target{origin.address()});
    }
    EXPECT_TRUE(tunnel(omnilink.listener(), origin.address())) << "after the death of " << actor;
  }
}

TEST(service, an_exception_in_one_connection_ends_that_connection_only) {
  echo_server origin;
  configuration config = two_workers();
  std::atomic<bool> thrown{false};
  // The hook runs inside the connection's own coroutine, where any defect would.
  config.report_trip = [&](const actors::trip_report&) {
    if (!thrown.exchange(true)) throw std::runtime_error{"a defect"};
  };
  running omnilink{std::move(config)};
  const auto other = tunnel(omnilink.listener(), origin.address());
  {
    const auto victim = tunnel(omnilink.listener(), origin.address());
    ASSERT_TRUE(victim);
  }
  const auto next = tunnel(omnilink.listener(), origin.address());
  EXPECT_TRUE(echoes(other.get(), "untouched\n"));
  EXPECT_TRUE(echoes(next.get(), "served\n"));
  omnilink->stop();
  omnilink->wait();
  EXPECT_TRUE(thrown);
}

TEST(service, drain_lets_connections_end_and_refuses_new_ones) {
  echo_server origin;
  running omnilink{two_workers()};
  auto fd = tunnel(omnilink.listener(), origin.address());
  omnilink->drain();
  // The listening sockets close on their workers; until then a connection may still be taken, and is served.
  for (io::descriptor more; (more = connect_tcp(omnilink.listener()));) {
  }
  EXPECT_TRUE(echoes(fd.get(), "until I am done\n"));
  EXPECT_FALSE(omnilink.finished());
  fd.reset();
  omnilink->wait();
  EXPECT_TRUE(omnilink.finished());
}

TEST(service, drain_closes_what_is_left_when_its_time_is_over) {
  echo_server origin;
  configuration config = two_workers();
  config.service.drain_timeout = std::chrono::milliseconds{50};
  running omnilink{std::move(config)};
  const auto fd = tunnel(omnilink.listener(), origin.address());
  omnilink->drain();
  omnilink->wait();
  EXPECT_EQ(receive_end(fd.get()), -ECONNRESET);  // cut off, not ended
}

TEST(service, stop_cuts_everything_at_once) {
  echo_server origin;
  running omnilink{two_workers()};
  const auto relayed = tunnel(omnilink.listener(), origin.address());
  const auto silent = connect_tcp(omnilink.listener());
  omnilink->stop();
  omnilink->wait();
  EXPECT_EQ(receive_end(relayed.get()), -ECONNRESET);
}

TEST(service, a_connection_over_the_limit_is_reset_and_the_others_go_on) {
  echo_server origin;
  configuration config = two_workers();
  config.service.max_connections = 2;
  running omnilink{std::move(config)};
  const auto one = tunnel(omnilink.listener(), origin.address());
  const auto two = tunnel(omnilink.listener(), origin.address());
  const auto three = connect_tcp(omnilink.listener());
  EXPECT_NE(receive_end(three.get()), 0);
  EXPECT_TRUE(echoes(one.get(), "one\n"));
  EXPECT_TRUE(echoes(two.get(), "two\n"));
}

TEST(service, C2_silent_clients_hold_nobody_up_and_are_closed_by_their_deadline) {
  echo_server origin;
  configuration config = two_workers();
  config.service.handshake_timeout = std::chrono::milliseconds{100};
  running omnilink{std::move(config)};
  std::vector<io::descriptor> silent;
  for (int i = 0; i < 50; ++i) silent.push_back(connect_tcp(omnilink.listener()));
  const auto fd = tunnel(omnilink.listener(), origin.address());
  ASSERT_TRUE(fd);
  EXPECT_TRUE(echoes(fd.get(), "served beside them\n"));
  for (const auto& one : silent) EXPECT_NE(receive_end(one.get()), -EAGAIN) << "still open after 10 s";
}

TEST(service, a_hop_that_never_answers_meets_the_chains_deadline) {
  io::descriptor hop{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(::listen(hop.get(), 16), 0);  // accepts in the kernel, says nothing
  configuration config = two_workers();
  config.timeouts.chain = config.timeouts.hop = std::chrono::milliseconds{150};
  chain::chain way{"way", {*chain::parse_hop_url("socks5://127.0.0.1:" + std::to_string(io::bound_address(hop.get()).port))}};
  config.chains.push_back(way);
  core::verdict verdict;
  std::latch ended{1};
  config.report_trip = [&](const actors::trip_report& t) {
    verdict = t.verdict;
    ended.count_down();
  };
  running omnilink{std::move(config)};
  const auto fd = connect_tcp(omnilink.listener());
  EXPECT_EQ(socks5_connect(fd.get(), core::target{"example.org", 443}), 4);  // host unreachable
  ended.wait();
  EXPECT_EQ(verdict.code, core::errc::timed_out);
  EXPECT_EQ(verdict.hop, 0);
}

}  // namespace
}  // namespace omnilink::test
