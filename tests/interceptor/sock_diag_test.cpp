#include "interceptor/sock_diag.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "interceptor/cgroup_paths.hpp"
#include "interceptor/packet_channel.hpp"
#include "interceptor/processes.hpp"
#include "tests/interceptor/loopback_pair.hpp"

namespace omnilink::interceptor {
namespace {

struct sock_diag : testing::Test {
  io::descriptor diag = open_sock_diag();

  std::optional<std::uint32_t> owner(const core::endpoint& local, const core::endpoint& remote) {
    const auto found = owner_of(diag.get(), local, remote);
    return found ? std::optional{found->uid} : std::nullopt;
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

// The inode is the one that /proc shows, the control group the one of this process.
TEST_F(sock_diag, a_socket_leads_to_its_process) {
  const loopback_pair pair{"127.0.0.1", "127.0.0.1"};
  const auto client = io::bound_address(pair.client.get()), accepted = io::bound_address(pair.accepted.get());
  const auto found = owner_of(diag.get(), client, accepted);
  ASSERT_TRUE(found);
  using wire::process_question;
  proc_processes processes;
  const auto holder = processes.find({process_question::kind::socket, found->inode, 0});
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->pid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_EQ(holder->gid, ::getegid());
  EXPECT_EQ(holder->exe, std::filesystem::read_symlink("/proc/self/exe").string());
  EXPECT_EQ(holder->process, "test_intercepto") << "15 bytes, as the kernel has it";
  EXPECT_EQ(processes.find({process_question::kind::socket, found->inode, 0}), holder) << "the second time it is remembered";
  EXPECT_FALSE(processes.find({process_question::kind::socket, ~0ull, 0}));
  const bool says = found->cgroup != 0 && !holder->cgroup.empty();
  EXPECT_EQ(says ? cgroup_paths{}.find(found->cgroup) : holder->cgroup, holder->cgroup);
}

// netd says no more than what was asked, and hears nothing but questions.
TEST(processes, are_asked_over_a_channel) {
  auto [ours, theirs] = make_packet_channel();
  std::thread netd{[&theirs = theirs] {
    proc_processes all;
    while (answer_process_question(theirs.get(), all)) {
    }
    theirs.reset();
  }};
  {
    netd_processes asking{io::descriptor{::dup(ours.get())}};
    const auto self = asking.find({wire::process_question::kind::pid, static_cast<std::uint64_t>(::getpid()), 0});
    ASSERT_TRUE(self);
    EXPECT_EQ(self->pid, static_cast<std::uint32_t>(::getpid()));
    EXPECT_EQ(self->process, "test_intercepto");
    EXPECT_FALSE(asking.find({wire::process_question::kind::socket, ~0ull, 0}));
    const std::uint8_t nonsense[] = {1, 2, 3};
    send_packet(ours.get(), nonsense);
    EXPECT_FALSE(asking.find({wire::process_question::kind::pid, 1, 0})) << "netd has hung up";
  }
  netd.join();
}

TEST_F(sock_diag, a_descriptor_that_is_none_owns_nothing) {
  EXPECT_FALSE(owner_of(-1, {}, {}));
}

}  // namespace
}  // namespace omnilink::interceptor
