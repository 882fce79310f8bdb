#include "interceptor/sock_diag.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/interceptor/loopback_pair.hpp"

namespace omnilink::interceptor {
namespace {

struct sock_diag : testing::Test {
  io::descriptor diag = open_sock_diag();

  std::optional<std::uint32_t> owner(const core::endpoint& local, const core::endpoint& remote) {
    return owner_uid(diag.get(), local, remote);
  }
};

TEST_F(sock_diag, finds_the_owner_of_either_end) {
  for (const char* host : {"127.0.0.1", "::1"}) {
    const loopback_pair pair{host, host};
    const auto client = io::bound_address(pair.client.get()),
               accepted = io::bound_address(pair.accepted.get());
    EXPECT_EQ(owner(client, accepted), ::geteuid());
    EXPECT_EQ(owner(accepted, client), ::geteuid());
  }
}

TEST_F(sock_diag, finds_an_IPv4_connection_of_an_IPv6_socket_by_either_form) {
  const loopback_pair pair{"::", "127.0.0.1"};
  const auto client = io::bound_address(pair.client.get()), accepted = io::bound_address(pair.accepted.get());
  ASSERT_TRUE(accepted.address.is_v4_mapped());
  EXPECT_EQ(owner(client, accepted), ::geteuid());
  EXPECT_EQ(owner({accepted.address.unmapped(), accepted.port}, client), ::geteuid());
}

TEST_F(sock_diag, E3_nobody_owns_what_is_not_there) {
  const loopback_pair pair{"127.0.0.1", "127.0.0.1"};
  const auto client = io::bound_address(pair.client.get()), accepted = io::bound_address(pair.accepted.get());
  const auto elsewhere = *core::address::parse("192.0.2.1");
  EXPECT_FALSE(owner(client, {accepted.address, 1}));
  EXPECT_FALSE(owner(client, {elsewhere, accepted.port}));
  EXPECT_FALSE(owner({elsewhere, client.port}, accepted));
  EXPECT_FALSE(owner(client, {core::address{}, 0}));
  EXPECT_FALSE(owner(client, {*core::address::parse("::1"), accepted.port})) << "two families";
}

// The kernel answers with the listener when there is no such connection.
TEST_F(sock_diag, E3_a_listener_is_not_the_connection) {
  const loopback_pair pair{"127.0.0.1", "127.0.0.1"};
  const auto listener = io::bound_address(pair.listener.get());
  EXPECT_FALSE(owner(listener, {listener.address, 1}));
}

// Without a holder the kernel says uid 0.
TEST_F(sock_diag, E3_a_closed_socket_has_no_owner) {
  loopback_pair pair{"127.0.0.1", "127.0.0.1"};
  const auto client = io::bound_address(pair.client.get()), accepted = io::bound_address(pair.accepted.get());
  pair.client.reset();
  EXPECT_FALSE(owner(client, accepted)) << "FIN_WAIT2";
  pair.accepted.reset();
  EXPECT_FALSE(owner(client, accepted)) << "TIME_WAIT";
}

TEST_F(sock_diag, a_descriptor_that_is_none_owns_nothing) {
  EXPECT_FALSE(owner_uid(-1, {}, {}));
}

}  // namespace
}  // namespace omnilink::interceptor
