#include "interceptor/netd.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <thread>

#include "interceptor/netd_client.hpp"
#include "interceptor/packet_channel.hpp"
#include "io/accept.hpp"

namespace omnilink::interceptor {
namespace {

using namespace std::chrono_literals;

// Without a redirect listener netd needs no privileges.
struct netd_test : testing::Test {
  netd_test() {
    auto [a, b] = make_packet_channel();
    ours = std::move(a);
    theirs = std::move(b);
  }
  std::vector<io::opened_file> files() {
    std::vector<io::opened_file> out;
    out.push_back({"/there", 0, io::descriptor{::dup(0)}});
    out.push_back({"/not/there", ENOENT, {}});
    return out;
  }
  io::descriptor ours, theirs;
  netd home{{1, 1}, [this] { return files(); }};
};

TEST_F(netd_test, hands_out_files_and_why_there_are_none) {
  std::thread serving{[&] { EXPECT_TRUE(home.answer(ours.get())); }};
  netd_client client{std::move(theirs)};
  const auto got = client.config_files();
  serving.join();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].path, "/there");
  EXPECT_TRUE(got[0].file);
  EXPECT_EQ(got[1].path, "/not/there");
  EXPECT_EQ(got[1].system_errno, ENOENT);
  EXPECT_FALSE(got[1].file);
}

TEST_F(netd_test, a_worker_that_asks_and_does_not_read_is_given_up) {
  wait_for_reader(ours.get(), 10ms);
  const auto question = wire::encode(wire::netd_open_files{});
  bool served = true;
  // More answers than any buffer holds.
  for (int i = 0; served && i < 10000; ++i) {
    ASSERT_TRUE(send_packet(theirs.get(), question));
    served = home.answer(ours.get());
  }
  EXPECT_FALSE(served);
}

TEST_F(netd_test, what_only_netd_says_is_not_listened_to) {
  for (const wire::netd_message& answer : {wire::netd_message{wire::netd_done{}}, wire::netd_message{wire::netd_file{"/etc/shadow", 0}}}) {
    ASSERT_TRUE(send_packet(theirs.get(), wire::encode(answer)));
    EXPECT_FALSE(home.answer(ours.get()));
  }
}

// The same sockets, whoever asks: connections queue on them while there is no worker.
TEST_F(netd_test, D12_the_next_worker_gets_the_same_sockets) {
  plan wanted{2, {}, {*parse_listen_url("mixed://127.0.0.1:0")}};
  const auto install = [&](io::descriptor channel, int served_by) {
    std::thread serving{[&] {
      EXPECT_TRUE(home.answer(served_by));
      EXPECT_TRUE(home.answer(served_by)) << "where processes are asked for";
    }};
    netd_client client{std::move(channel)};
    auto out = client.install(wanted);
    serving.join();
    EXPECT_TRUE(out && out->processes);
    EXPECT_GE(home.process_fd(), 0);
    return out;
  };
  auto first = install(std::move(theirs), ours.get());
  ASSERT_FALSE(first.has_error());
  const auto where = io::bound_address(first->listeners[0].v4[0].get());
  auto [mine, next] = make_packet_channel();
  const auto second = install(std::move(next), mine.get());
  ASSERT_FALSE(second.has_error());
  ASSERT_EQ(second->listeners[0].v4.size(), 2u);
  EXPECT_EQ(io::bound_address(second->listeners[0].v4[1].get()), where);
  EXPECT_FALSE(home.answer(ours.get())) << "the first one is gone";
  EXPECT_TRUE(home.serves());
}

}  // namespace
}  // namespace omnilink::interceptor
