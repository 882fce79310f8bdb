// What is redirected is tested where there are redirect rules: tests/exec.
#include "interceptor/original_destination.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "io/accept.hpp"
#include "tests/interceptor/loopback_pair.hpp"

namespace omnilink::interceptor {
namespace {

auto asked_of(int accepted, core::mechanism by) { return original_destination(accepted, io::bound_address(accepted), by); }

TEST(original_destination, A1_a_direct_connection_was_not_redirected) {
  EXPECT_EQ(asked_of(loopback_pair{"127.0.0.1", "127.0.0.1"}.accepted.get(), core::mechanism::redirect).error(),
            core::errc::not_redirected);
  EXPECT_EQ(asked_of(loopback_pair{"::1", "::1"}.accepted.get(), core::mechanism::redirect).error(),
            core::errc::not_redirected);
}

TEST(original_destination, A1_nor_was_an_IPv4_client_of_an_IPv6_socket) {
  EXPECT_EQ(asked_of(loopback_pair{"::", "127.0.0.1"}.accepted.get(), core::mechanism::redirect).error(),
            core::errc::not_redirected);
}

TEST(original_destination, A4_of_tproxy_it_is_the_sockets_own_address_and_nothing_else) {
  const loopback_pair pair{"127.0.0.1", "127.0.0.1"};
  const auto asked = asked_of(pair.accepted.get(), core::mechanism::tproxy);
  ASSERT_TRUE(asked.has_value());
  EXPECT_EQ(*asked, io::bound_address(pair.accepted.get()));
}

TEST(original_destination, what_is_no_tcp_socket_is_an_error) {
  EXPECT_TRUE(asked_of(-1, core::mechanism::redirect).has_error());
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const io::descriptor a{ends[0]}, b{ends[1]};
  EXPECT_TRUE(asked_of(a.get(), core::mechanism::redirect).has_error());
}

}  // namespace
}  // namespace omnilink::interceptor
