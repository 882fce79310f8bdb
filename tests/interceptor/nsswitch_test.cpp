#include "interceptor/nsswitch.hpp"

#include <gtest/gtest.h>

namespace omnilink::interceptor {
namespace {

TEST(nsswitch, daemons_and_actions_are_cut_out) {
  EXPECT_EQ(with_hosts_from_dns("hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns\n"),
            "hosts: files myhostname dns\n");
  EXPECT_EQ(with_hosts_from_dns("hosts:\tfiles mdns4_minimal [NOTFOUND=return] dns # comment\n"),
            "hosts: files dns\n");
}

TEST(nsswitch, dns_is_added_where_it_was_missing) {
  EXPECT_EQ(with_hosts_from_dns("hosts: files resolve\n"), "hosts: files dns\n");
  EXPECT_EQ(with_hosts_from_dns("hosts:"), "hosts: dns\n");
  EXPECT_EQ(with_hosts_from_dns("  hosts: db # dns\n"), "hosts: dns\n");
}

TEST(nsswitch, other_lines_stay) {
  const std::string text = "# hosts: resolve\n\npasswd: files systemd\nnetworks: files\n";
  EXPECT_EQ(with_hosts_from_dns(text), text);
  EXPECT_EQ(with_hosts_from_dns(""), "");
  EXPECT_EQ(with_hosts_from_dns("passwd: files\nhosts: dns\nshadow: files"),
            "passwd: files\nhosts: dns\nshadow: files\n");
}

}  // namespace
}  // namespace omnilink::interceptor
