#include "io/listen.hpp"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <set>

#include "core/flow_key.hpp"
#include "io/accept.hpp"
#include "io/address.hpp"

namespace omnilink::io::test {
namespace {

core::endpoint loopback(bool v6) {
  return {*core::address::parse(v6 ? "::1" : "127.0.0.1"), 0};
}

descriptor connect_to(const core::endpoint& where) {
  sockaddr_storage name;
  const socklen_t size = to_sockaddr(where, name);
  descriptor made{::socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  EXPECT_EQ(::connect(made.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
  return made;
}

bool accepts(const descriptor& listener) {
  pollfd event{listener.get(), POLLIN, 0};
  if (::poll(&event, 1, 0) != 1) return false;
  return bool{descriptor{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)}};
}

class listeners : public testing::TestWithParam<bool> {};

// connect() has returned, so the connection is in the queue of the socket that the program chose.
TEST_P(listeners, steered_by_shard_of_source_port) {
  for (const std::uint32_t workers : {1u, 2u, 3u, 8u, 64u}) {
    const auto group = open_listeners(loopback(GetParam()), workers);
    ASSERT_TRUE(group.has_value()) << group.error();
    ASSERT_EQ(group->size(), workers);
    std::set<std::uint32_t> used;
    for (int i = 0; i < 200; ++i) {
      const descriptor client = connect_to(bound_address(group->front().get()));
      const auto expected = core::shard_of(bound_address(client.get()).port, workers);
      ASSERT_TRUE(accepts((*group)[expected]))
          << workers << " workers, port " << bound_address(client.get()).port;
      used.insert(expected);
    }
    EXPECT_GT(used.size(), workers / 2);
  }
}

TEST_P(listeners, what_is_accepted_has_no_nagle) {
  const auto group = open_listeners(loopback(GetParam()), 1);
  ASSERT_TRUE(group.has_value()) << group.error();
  const descriptor client = connect_to(bound_address(group->front().get()));
  const descriptor accepted{::accept4(group->front().get(), nullptr, nullptr, SOCK_CLOEXEC)};
  int off = 0;
  socklen_t size = sizeof off;
  ASSERT_EQ(::getsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &off, &size), 0);
  EXPECT_NE(off, 0);
}

TEST_P(listeners, one_free_port_for_all) {
  const auto group = open_listeners(loopback(GetParam()), 4);
  ASSERT_TRUE(group.has_value()) << group.error();
  std::set<core::endpoint> names;
  for (const auto& each : *group) names.insert(bound_address(each.get()));
  ASSERT_EQ(names.size(), 1u);
  EXPECT_NE(names.begin()->port, 0);
}

TEST_P(listeners, a_port_that_another_group_holds_is_refused) {
  const auto first = open_listeners(loopback(GetParam()), 2);
  ASSERT_TRUE(first.has_value()) << first.error();
  const auto where = bound_address(first->front().get());
  const auto second = open_listeners(where, 2);
  ASSERT_TRUE(second.has_error());
  EXPECT_NE(second.error().find(where.to_string()), std::string::npos) << second.error();
  EXPECT_NE(second.error().find("another program"), std::string::npos) << second.error();
}

TEST_P(listeners, a_port_with_connections_of_an_earlier_run_is_free) {
  core::endpoint where;
  {
    auto first = open_listeners(loopback(GetParam()), 2);
    ASSERT_TRUE(first.has_value()) << first.error();
    where = bound_address(first->front().get());
    const descriptor client = connect_to(where);
    auto& listener = (*first)[core::shard_of(bound_address(client.get()).port, 2)];
    // Closed by the server first: its side stays in TIME_WAIT.
    descriptor{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)}.reset();
  }
  const auto second = open_listeners(where, 2);
  EXPECT_TRUE(second.has_value()) << second.error();
}

INSTANTIATE_TEST_SUITE_P(families, listeners, testing::Bool(),
                         [](const auto& info) { return info.param ? "IPv6" : "IPv4"; });

TEST(listeners, IPv6_leaves_IPv4_alone) {
  const auto six = open_listeners({*core::address::parse("::"), 0}, 2);
  ASSERT_TRUE(six.has_value()) << six.error();
  const auto four =
      open_listeners({*core::address::parse("0.0.0.0"), bound_address(six->front().get()).port}, 2);
  EXPECT_TRUE(four.has_value()) << four.error();
}

TEST(listeners, an_address_of_another_machine_is_refused) {
  const auto group = open_listeners({*core::address::parse("192.0.2.1"), 0}, 1);
  ASSERT_TRUE(group.has_error());
  EXPECT_NE(group.error().find("192.0.2.1:0: bind"), std::string::npos) << group.error();
}

TEST(address, survives_the_system_and_asio) {
  for (const char* text : {"192.0.2.1:80", "[2001:db8::1]:65535", "[::ffff:192.0.2.1]:1"}) {
    const auto where = *core::endpoint::parse(text);
    sockaddr_storage name;
    to_sockaddr(where, name);
    EXPECT_EQ(from_sockaddr(name), where);
    EXPECT_EQ(to_core(to_asio<boost::asio::ip::tcp::endpoint>(where)), where);
  }
  sockaddr_storage other{};
  other.ss_family = AF_UNIX;
  EXPECT_EQ(from_sockaddr(other), std::nullopt);
}

}  // namespace
}  // namespace omnilink::io::test
