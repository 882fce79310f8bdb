// A reload under running connections: all or nothing, for those that begin afterwards.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "actors/reload.hpp"
#include "io/descriptor_limit.hpp"
#include "tests/actors/echo_server.hpp"
#include "tests/actors/reloading.hpp"
#include "tests/actors/running_service.hpp"

namespace omnilink::test {
namespace {

using actors::configuration;
using lines = std::vector<std::string>;

chain::chain rejecting() {
  chain::chain out;
  out.name = "none";
  out.hops.push_back(*chain::parse_hop_url("reject"));
  return out;
}

TEST(reload, D10_running_connections_keep_what_they_began_with) {
  echo_server origin;
  reloading from;
  running omnilink{from.reloadable(two_workers())};
  ASSERT_EQ(omnilink.problem(), "");
  const auto old = tunnel(omnilink.listener(), origin.address());
  ASSERT_TRUE(old);
  from.next = two_workers();
  from.next.chains = {rejecting()};
  EXPECT_TRUE(from.reload(omnilink));
  EXPECT_FALSE(tunnel(omnilink.listener(), origin.address())) << "the new chain rejects";
  EXPECT_TRUE(echoes(old.get(), "still here"));
  from.next = two_workers();
  EXPECT_TRUE(from.reload(omnilink));
  EXPECT_TRUE(tunnel(omnilink.listener(), origin.address()));
  EXPECT_TRUE(echoes(old.get(), "and still"));
}

TEST(reload, D10_what_is_invalid_changes_nothing) {
  echo_server origin;
  reloading from;
  running omnilink{from.reloadable(two_workers())};
  ASSERT_EQ(omnilink.problem(), "");
  from.errors = {"omnilink.toml:3:1: nonsense"};
  EXPECT_FALSE(from.reload(omnilink));
  from.errors.clear();
  from.next = two_workers();
  from.next.chains = {rejecting()};
  from.next.service.workers = 3;
  EXPECT_FALSE(from.reload(omnilink)) << "workers are fixed until a restart";
  chain::chain with_tls = rejecting();
  with_tls.hops = {*chain::parse_hop_url("https://127.0.0.1:1?ca=/no/such/file")};
  from.next = two_workers();
  from.next.chains = {with_tls};
  EXPECT_FALSE(from.reload(omnilink)) << "a hop's certificates cannot be read";
  EXPECT_TRUE(tunnel(omnilink.listener(), origin.address()));
}

TEST(reload, D2_more_connections_than_there_are_descriptors_for_are_refused) {
  constexpr std::uint32_t many = 1048576;
  if (io::descriptor_limit().most >= 2 * many) GTEST_SKIP() << "this machine has descriptors for all";
  echo_server origin;
  reloading from;
  running omnilink{from.reloadable(two_workers())};
  ASSERT_EQ(omnilink.problem(), "");
  from.next = two_workers();
  from.next.service.max_connections = many;
  from.next.chains = {rejecting()};
  EXPECT_FALSE(from.reload(omnilink));
  EXPECT_TRUE(tunnel(omnilink.listener(), origin.address())) << "nothing of it is in use";
  from.next.service.max_connections = 100;
  EXPECT_TRUE(from.reload(omnilink));
}

TEST(reload, what_needs_a_restart_is_named) {
  const configuration now = two_workers();
  configuration other = now;
  EXPECT_EQ(actors::needs_restart(now, other), lines{});
  other.listeners[0].allow_remote = true;
  other.service.max_connections = 5;
  EXPECT_EQ(actors::needs_restart(now, other), lines{});
  other.service.workers = 7;
  other.listeners[0].where.port = 1;
  other.nat.capacity = 1;
  other.query_socket = "/q";
  other.admin_socket = "/a";
  EXPECT_EQ(actors::needs_restart(now, other).size(), 5u);
  other = now;
  other.listeners.clear();
  EXPECT_EQ(actors::needs_restart(now, other).size(), 1u);
}

TEST(reload, D10_fifty_in_a_row_under_load) {
  echo_server origin;
  reloading from;
  running omnilink{from.reloadable(two_workers())};
  ASSERT_EQ(omnilink.problem(), "");
  std::vector<io::descriptor> old;
  for (int i = 0; i < 100; ++i) old.push_back(tunnel(omnilink.listener(), origin.address()));
  std::atomic<bool> done{false};
  std::atomic<int> served{0};
  std::thread client{[&] {
    while (!done) {
      if (const auto fd = tunnel(omnilink.listener(), origin.address()); fd && echoes(fd.get(), "x")) {
        ++served;
        served.notify_all();
      }
    }
  }};
  for (int i = 0; i < 50; ++i) {
    {
      const std::lock_guard lock{from.mutex};
      from.next = two_workers();
      from.next.service.idle_timeout = std::chrono::seconds{100 + i};
      from.errors = i % 5 == 4 ? lines{"nonsense"} : lines{};
    }
    EXPECT_EQ(from.reload(omnilink), i % 5 != 4);
  }
  served.wait(0);
  done = true;
  client.join();
  for (const auto& fd : old) EXPECT_TRUE(echoes(fd.get(), "still here"));
}

}  // namespace
}  // namespace omnilink::test
