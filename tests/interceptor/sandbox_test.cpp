// The installer's promises; what the sandbox does to a program is in tests/exec.
#include "interceptor/sandbox.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "io/accept.hpp"

namespace omnilink::interceptor {
namespace {

std::unique_ptr<sandbox> spawn(std::vector<std::string> command) {
  sandbox::options wanted{.command = std::move(command)};
  ::sigemptyset(&wanted.signal_mask);
  auto out = sandbox::spawn(wanted);
  EXPECT_TRUE(out.has_value());
  return out.has_value() ? std::move(*out) : nullptr;
}

int exit_code_of(pid_t child) {
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(sandbox, hands_out_what_the_plan_asks_for_and_starts_the_command_when_released) {
  const auto home = spawn({"sh", "-c", "exit 7"});
  const auto made = home->install({.workers = 3, .host_loopback_ports = {3000}});
  if (made.has_error()) GTEST_SKIP() << made.error().step << ": " << made.error().message;
  ASSERT_EQ(made->redirect_v4.size(), 3u);
  ASSERT_EQ(made->redirect_v6.size(), 3u);
  for (const auto* group : {&made->redirect_v4, &made->redirect_v6}) {
    for (const auto& socket : *group) {
      EXPECT_TRUE(io::bound_address(socket.get()).address.is_loopback());
      EXPECT_EQ(io::bound_address(socket.get()), io::bound_address(group->front().get()))
          << "one port for all workers";
    }
  }
  for (const auto* dns : {&made->dns_udp_v4, &made->dns_udp_v6, &made->dns_tcp_v4, &made->dns_tcp_v6}) {
    EXPECT_NE(io::bound_address(dns->get()).port, 0);
  }
  EXPECT_TRUE(made->sock_diag);
  EXPECT_NE(made->netns, 0u);
  const io::descriptor here{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  std::uint64_t ours = 0;
  socklen_t size = sizeof(ours);
  ASSERT_EQ(::getsockopt(here.get(), SOL_SOCKET, SO_NETNS_COOKIE, &ours, &size), 0);
  EXPECT_NE(made->netns, ours);
  EXPECT_TRUE(home->release());
  EXPECT_EQ(exit_code_of(home->child_pid()), 7);
}

TEST(sandbox, removed_before_its_release_never_runs_the_command) {
  const auto home = spawn({"sh", "-c", "exit 7"});
  home->remove();
  home->remove();
  EXPECT_EQ(exit_code_of(home->child_pid()), 125);
  EXPECT_FALSE(home->release());
}

TEST(sandbox, removed_after_its_installation_never_runs_the_command_either) {
  const auto home = spawn({"sh", "-c", "exit 7"});
  if (home->install({}).has_error()) GTEST_SKIP() << home->failure()->message;
  home->remove();
  EXPECT_EQ(exit_code_of(home->child_pid()), 125);
}

TEST(sandbox, a_plan_that_cannot_be_changes_nothing) {
  const auto home = spawn({"true"});
  const auto made = home->install({.workers = 65, .host_loopback_ports = {}});
  ASSERT_TRUE(made.has_error());
  EXPECT_EQ(made.error().step, "plan");
  ASSERT_TRUE(home->failure());
  EXPECT_EQ(home->failure()->step, "plan");
  home->remove();
  EXPECT_EQ(exit_code_of(home->child_pid()), 125);
}

TEST(sandbox, too_few_descriptors_are_said_whichever_step_they_end_at) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizers' own look at an object's memory needs a descriptor";
#endif
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const io::descriptor next{::dup(STDERR_FILENO)};
  bool made = false;
  int failures = 0;
  constexpr rlim_t for_the_channel = 3, more_than_enough = 32;
  for (rlim_t more = for_the_channel; !made && more < more_than_enough; ++more) {
    rlimit few = before;
    few.rlim_cur = static_cast<rlim_t>(next.get()) + more;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    const auto home = spawn({"true"});
    made = home && home->install({}).has_value();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_TRUE(home);
    home->remove();
    EXPECT_EQ(exit_code_of(home->child_pid()), 125);
    if (made) continue;
    const auto& why = *home->failure();
    if (why.step == "unshare") GTEST_SKIP() << why.message;
    ++failures;
    EXPECT_NE(why.message.find("Too many open files"), std::string::npos) << why.step << ": " << why.message;
  }
  EXPECT_TRUE(made);
  EXPECT_GT(failures, 3);
}

TEST(sandbox, a_child_that_died_is_said) {
  const auto home = spawn({"true"});
  ASSERT_EQ(::kill(home->child_pid(), SIGKILL), 0);
  EXPECT_EQ(exit_code_of(home->child_pid()), -SIGKILL);
  ASSERT_TRUE(home->install({}).has_error());
  EXPECT_FALSE(home->release());
}

}  // namespace
}  // namespace omnilink::interceptor
