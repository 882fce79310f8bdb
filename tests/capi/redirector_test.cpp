// The five calls, as existing callers use them: this process is the agent, its client is another one.
#include <gtest/gtest.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cerrno>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "capi/omnilink.h"
#include "io/accept.hpp"
#include "io/address.hpp"
#include "tests/capi/rig.hpp"

namespace omnilink::test {
namespace {

std::string last_error() {
  std::array<char, 512> text{};
  omnilink_last_error(nullptr, text.data(), text.size());
  return text.data();
}

// "203.0.113.1:80/4"; empty: a miss.
std::string asked(std::uint32_t port) {
  WinDest found = get_destination(port);
  const std::string out = found.host == nullptr ? "" : std::string{found.host} + ":" + std::to_string(found.port) + "/" + found.version;
  free_windest(found);
  return out;
}

TEST(redirector_arguments, that_are_not_legal_fail_with_a_reason) {
  const auto self = static_cast<std::uint32_t>(::getpid());
  constexpr std::uint32_t dead = 0x7ffffff0;
  struct {
    std::uint32_t client, agent, port, incoming;
    const char* reason;
  } const wrong[]{{0, self, 8080, 0, "client_pid"},     {self, 0, 8080, 0, "agent_pid"},       {self, self, 0, 0, "proxy_port"},
                  {self, self, 65536, 0, "65536"},      {self, self, 8080, 65536, "incoming"}, {dead, self, 8080, 0, "no process 2147483632"},
                  {self, dead, 8080, 0, "2147483632"}, {0xffffffff, self, 8080, 0, "no process"}};
  for (const auto& one : wrong) {
    EXPECT_EQ(start_redirector(one.client, one.agent, one.port, one.incoming), 0u);
    EXPECT_NE(last_error().find(one.reason), std::string::npos) << last_error();
  }
  EXPECT_EQ(stop_redirector(), 1u);
  EXPECT_EQ(stop_redirector(), 1u) << "idempotent";
  for (const std::uint32_t port : {0u, 1u, 65535u, 65536u, 0xffffffffu}) {
    EXPECT_EQ(asked(port), "");
    EXPECT_EQ(delete_destination(port), 0u);
  }
  WinDest zeroed{};
  free_windest(zeroed);
  free_windest(zeroed);
}

class redirector : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = enter_world(); !why.empty()) GTEST_SKIP() << why;
    program.emplace();
    proxy.emplace();
    if (omnilink_unavailable_reason(nullptr, 0) != 0) {
      std::array<char, 512> why{};
      omnilink_unavailable_reason(why.data(), why.size());
      GTEST_SKIP() << why.data();
    }
  }
  void TearDown() override { stop_redirector(); }

  std::uint32_t start() {
    const std::uint32_t out =
        start_redirector(static_cast<std::uint32_t>(program->pid()), static_cast<std::uint32_t>(::getpid()), proxy->port(), 0);
    if (out == 0) ADD_FAILURE() << last_error();
    return out;
  }

  std::optional<client> program;
  std::optional<listener> proxy;
};

TEST_F(redirector, tells_where_each_connection_wanted_to_go) {
  ASSERT_EQ(start(), 1u);
  const struct {
    core::endpoint to;
    const char* expected;
  } all[]{{at("203.0.113.1:443"), "203.0.113.1:443/4"},
          {at("[2001:db8::7]:80"), "2001:db8::7:80/6"},
          {at("127.0.0.1:5432"), "127.0.0.1:5432/4"},
          {at("[::1]:5432"), "::1:5432/6"},
          {{at("127.0.0.2:1").address, proxy->port()}, nullptr}};
  for (const auto& [to, expected] : all) {
    const auto made = program->connect(to);
    ASSERT_EQ(made.system_errno, 0) << to.to_string();
    EXPECT_EQ(made.peer, to) << "the program sees what it dialled";
    const io::descriptor accepted = proxy->accept();
    const std::uint16_t port = io::peer_address(accepted.get()).port;
    EXPECT_EQ(port, made.source.port);
    EXPECT_EQ(asked(port), expected != nullptr ? expected : "127.0.0.2:" + std::to_string(proxy->port()) + "/4");
    EXPECT_EQ(asked(port + 65536u), "");
    EXPECT_EQ(delete_destination(port), 1u);
    EXPECT_EQ(asked(port), "");
    EXPECT_EQ(delete_destination(port), 0u);
  }
  ASSERT_EQ(program->connect_mapped(at("203.0.113.2:25")).system_errno, 0);
  io::descriptor accepted = proxy->accept();
  EXPECT_EQ(asked(io::peer_address(accepted.get()).port), "203.0.113.2:25/4");

  const auto by_child = program->connect(at("203.0.113.3:443"), 1, 0, "", client::how::by_a_child);
  ASSERT_EQ(by_child.system_errno, 0) << "descendants too";
  accepted = proxy->accept();
  EXPECT_EQ(asked(by_child.source.port), "203.0.113.3:443/4");

  // The program closes first, before anybody asked.
  const auto hasty = program->connect(at("203.0.113.4:443"), 2);
  program->finish(2);
  accepted = proxy->accept();
  EXPECT_EQ(asked(hasty.source.port), "203.0.113.4:443/4");
  accepted.reset();
  program->finish(1);
  program->finish(0);

  // IPv6 goes to [::1] where somebody listens there.
  const listener six{"::1"};
  ASSERT_EQ(start_redirector(static_cast<std::uint32_t>(program->pid()), static_cast<std::uint32_t>(::getpid()), six.port(), 0), 1u);
  const auto native = program->connect(at("[2001:db8::9]:443"), 3);
  accepted = six.accept();
  EXPECT_EQ(io::peer_address(accepted.get()), native.source);
  EXPECT_EQ(asked(native.source.port), "2001:db8::9:443/6");
}

TEST_F(redirector, leaves_alone_what_is_not_the_clients) {
  const listener other;
  const core::endpoint there{at("127.0.0.1:1").address, other.port()};
  client stranger;
  ASSERT_EQ(start(), 1u);
  ASSERT_EQ(stranger.connect(there).system_errno, 0);
  other.accept();
  EXPECT_EQ(stranger.connect(at("203.0.113.1:443")).system_errno, ENETUNREACH);
  // Its own proxy's port, by the client: nobody was sent there.
  const auto direct = program->connect({at("127.0.0.1:1").address, proxy->port()});
  const io::descriptor accepted = proxy->accept();
  EXPECT_EQ(asked(direct.source.port), "");

  ASSERT_EQ(stop_redirector(), 1u);
  ASSERT_EQ(program->connect(there, 1).system_errno, 0) << "after the stop it goes its own way";
  other.accept();
  EXPECT_EQ(program->connect(at("203.0.113.1:443"), 2).system_errno, ENETUNREACH);
  ASSERT_EQ(start(), 1u);
  ASSERT_EQ(start(), 1u) << "again";
  ASSERT_EQ(program->connect(there, 3).system_errno, 0);
  proxy->accept();
  EXPECT_TRUE(other.is_empty());
}

// Where a connection arrives, and where get_destination() says that it wanted to go.
TEST_F(redirector, takes_what_others_open_to_the_clients_ports) {
  const listener incoming;
  client stranger;
  const auto self = static_cast<std::uint32_t>(::getpid()), served = static_cast<std::uint32_t>(program->pid());
  EXPECT_EQ(start_redirector(served, self, proxy->port(), 1), 0u);
  EXPECT_NE(last_error().find("does not listen on port 1"), std::string::npos) << last_error();

  const core::endpoint before = program->listen(0), of_stranger = stranger.listen(7);
  ASSERT_EQ(start_redirector(served, self, proxy->port(), incoming.port()), 1u) << last_error();
  const core::endpoint after = program->listen(1);
  for (const auto& port : {before, after}) {
    const auto made = stranger.connect(port);
    ASSERT_EQ(made.system_errno, 0);
    const io::descriptor accepted = incoming.accept();
    EXPECT_EQ(io::bound_address(accepted.get()), port);
    EXPECT_EQ(io::peer_address(accepted.get()), made.source);
    EXPECT_EQ(asked(made.source.port), port.to_string() + "/4");

    const io::descriptor on{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_storage name;
    const socklen_t size = io::to_sockaddr(port, name);
    ASSERT_EQ(::connect(on.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
    EXPECT_TRUE(incoming.is_empty()) << "what the agent sends on reaches the client";
    EXPECT_EQ(asked(io::bound_address(on.get()).port), "");
  }
  EXPECT_EQ(stranger.connect(of_stranger, 1).system_errno, 0);
  EXPECT_EQ(stranger.connect(program->listen(2, "::1"), 2).system_errno, 0) << "the agent does not listen for IPv6";
  program->finish(1);
  EXPECT_EQ(stranger.connect(after, 3).system_errno, ECONNREFUSED) << "the client does not listen any more";
  ASSERT_EQ(stop_redirector(), 1u);
  EXPECT_EQ(stranger.connect(before, 4).system_errno, 0);
  EXPECT_TRUE(incoming.is_empty());
}

TEST_F(redirector, never_answers_with_an_earlier_use_of_the_port) {
  ASSERT_EQ(start(), 1u);
  constexpr int cycles = 2000, ports = 8;
  constexpr std::uint16_t first_port = 20000;  // none that connect() would take
  std::minstd_rand random{1};
  for (int i = 0; i < cycles; ++i) {
    const int slot = static_cast<int>(random() % ports);
    const auto port = static_cast<std::uint16_t>(first_port + slot);
    const core::endpoint to{at(("203.0.113." + std::to_string(1 + random() % 250) + ":1").c_str()).address,
                            static_cast<std::uint16_t>(1 + random() % 65535)};
    const std::string expected = to.to_string() + "/4";
    const bool direct = i % 3 == 0, hasty = i % 5 == 0, forgotten = i % 7 == 0;
    const auto made = program->connect(direct ? core::endpoint{at("127.0.0.1:1").address, proxy->port()} : to, slot, port);
    ASSERT_EQ(made.system_errno, 0) << i;
    if (hasty) program->reset(slot);
    io::descriptor accepted = proxy->accept();
    const std::string answer = asked(port);
    const bool may_be_gone = hasty && answer.empty();
    ASSERT_EQ(answer, direct || may_be_gone ? "" : expected) << i;
    if (forgotten) delete_destination(port);
    if (hasty) continue;
    // The agent's side is reset first, or the program's: no port waits for its time.
    if (i % 2 == 0) io::reset(std::move(accepted));
    program->reset(slot);
    if (i % 2 != 0) accepted.reset();
    ASSERT_EQ(asked(port), "") << i << ": it is over";
  }
}

TEST_F(redirector, an_ambiguous_port_is_a_miss) {
  ASSERT_EQ(start(), 1u);
  constexpr std::uint16_t port = 21000;
  const struct {
    const char* source;
    core::endpoint to;
  } all[]{{"127.0.0.1", at("203.0.113.1:443")}, {"127.0.0.2", at("203.0.113.2:443")}, {"127.0.0.3", at("203.0.113.3:443")}};
  std::vector<io::descriptor> accepted;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(program->connect(all[i].to, i, port, all[i].source).system_errno, 0);
    accepted.push_back(proxy->accept());
    EXPECT_EQ(asked(port), i == 0 ? "203.0.113.1:443/4" : "");
  }
  io::reset(std::move(accepted[0]));
  io::reset(std::move(accepted[2]));
  EXPECT_EQ(asked(port), "203.0.113.2:443/4") << "the others are gone";
}

TEST_F(redirector, may_be_called_by_many_threads_at_once) {
  std::atomic<int> started{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 4; ++i) started += static_cast<int>(start_redirector(static_cast<std::uint32_t>(program->pid()),
                                                                               static_cast<std::uint32_t>(::getpid()), proxy->port(), 0));
    });
    threads.emplace_back([&] {
      for (std::uint32_t i = 0; i < 2000; ++i) {
        asked(i * 33);
        delete_destination(i);
        last_error();
        if (i % 500 == 0) stop_redirector();
      }
    });
  }
  for (auto& one : threads) one.join();
  EXPECT_GT(started, 0);
  stop_redirector();
  ASSERT_EQ(start(), 1u);
  const auto made = program->connect(at("203.0.113.1:443"));
  ASSERT_EQ(made.system_errno, 0);
  const io::descriptor accepted = proxy->accept();
  EXPECT_EQ(asked(made.source.port), "203.0.113.1:443/4");
}

TEST_F(redirector, goes_with_its_process) {
  const auto client_pid = static_cast<std::uint32_t>(program->pid());
  const int ended = in_a_child([&] {
    if (start_redirector(client_pid, static_cast<std::uint32_t>(::getpid()), proxy->port(), 0) != 1) return 1;
    if (program->connect(at("203.0.113.1:443")).system_errno != 0) return 2;
    return ::raise(SIGKILL);
  });
  EXPECT_EQ(ended, -1);
  EXPECT_EQ(program->connect(at("203.0.113.1:443"), 1).system_errno, ENETUNREACH) << "the client goes its own way again";
}

TEST_F(redirector, without_privileges_says_what_is_missing_and_can_be_started_later) {
  const int ended = in_a_child([&] {
    if (::setresuid(65534, 65534, 0) != 0) return 1;
    if (start_redirector(static_cast<std::uint32_t>(program->pid()), static_cast<std::uint32_t>(::getpid()), proxy->port(), 0) != 0) return 2;
    if (last_error().find("CAP_BPF") == std::string::npos) return 3;
    if (omnilink_unavailable_reason(nullptr, 0) == 0) return 4;
    if (::setresuid(0, 0, 0) != 0) return 5;
    return start_redirector(static_cast<std::uint32_t>(program->pid()), static_cast<std::uint32_t>(::getpid()), proxy->port(), 0) == 1 ? 0 : 6;
  });
  EXPECT_EQ(ended, 0);
}

TEST_F(redirector, a_client_of_another_network_namespace_is_refused) {
  const int ended = in_a_child([&] {
    if (::unshare(CLONE_NEWNET) != 0) return 1;
    if (start_redirector(static_cast<std::uint32_t>(program->pid()), static_cast<std::uint32_t>(::getpid()), proxy->port(), 0) != 0) return 2;
    return last_error().find("network namespace") != std::string::npos ? 0 : 3;
  });
  EXPECT_EQ(ended, 0);
}

}  // namespace
}  // namespace omnilink::test
