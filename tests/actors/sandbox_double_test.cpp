// The installer's test double: the service takes what an installer hands out, and a refusal as the reason not to start.
#include <gtest/gtest.h>

#include <atomic>

#include "io/listen.hpp"
#include "tests/actors/echo_server.hpp"
#include "tests/actors/running_service.hpp"

namespace omnilink::test {
namespace {

using interceptor::installation;
using interceptor::install_failure;

// Hands out sockets that nothing was redirected to.
class installer_double final : public interceptor::installer {
 public:
  boost::system::result<installation, install_failure> install(const interceptor::plan& wanted) override {
    if (refuse) return install_failure{"unshare", 1, "user namespaces are switched off: sysctl user.max_user_namespaces=15000"};
    installation out;
    out.redirect_v4 = std::move(*io::open_listeners({core::address::v4(0x7f000001), 0}, wanted.workers));
    where = io::bound_address(out.redirect_v4.front().get());
    return out;
  }
  std::optional<install_failure> replace(const interceptor::plan&) override { return std::nullopt; }
  bool has_private_loopback() const noexcept override { return true; }
  void remove() noexcept override {}

  bool refuse = false;
  core::endpoint where;
};

actors::configuration intercepting() {
  auto out = two_workers();
  out.listeners.clear();
  return out;
}

TEST(installer_double, A1_direct_connect_to_redirect_port_is_reset_and_never_forwarded) {
  installer_double home;
  auto config = intercepting();
  std::atomic<int> trips{0};
  config.report_trip = [&](const actors::trip_report& t) {
    EXPECT_EQ(t.verdict.code, core::errc::not_redirected);
    ++trips;
  };
  running omnilink{std::move(config), &home};
  ASSERT_EQ(omnilink.problem(), "");
  const auto fd = connect_tcp(home.where);
  EXPECT_EQ(receive_end(fd.get()), -ECONNRESET);
  omnilink->stop();
  omnilink->wait();
  EXPECT_EQ(trips, 1);
}

TEST(installer_double, a_name_does_not_lead_to_the_hosts_loopback) {
  echo_server origin;
  installer_double home;
  running omnilink{two_workers(), &home};
  ASSERT_EQ(omnilink.problem(), "");
  const auto by_name = connect_tcp(omnilink.listener());
  EXPECT_EQ(socks5_connect(by_name.get(), core::target{"localhost", origin.address().port}), 2);  // not allowed
  EXPECT_TRUE(tunnel(omnilink.listener(), origin.address())) << "an address is judged by the route";
}

TEST(installer_double, a_refusal_is_the_service_s_error_in_one_line) {
  installer_double home;
  home.refuse = true;
  running omnilink{intercepting(), &home};
  EXPECT_EQ(omnilink.problem(), "unshare: user namespaces are switched off: sysctl user.max_user_namespaces=15000");
}

}  // namespace
}  // namespace omnilink::test
