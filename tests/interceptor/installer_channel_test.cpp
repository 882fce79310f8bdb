#include "interceptor/installer_channel.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace omnilink::interceptor {
namespace {

struct installer_channel : testing::Test {
  io::descriptor near, far;

  void SetUp() override {
    std::tie(near, far) = make_packet_channel();
    ASSERT_TRUE(near);
    ASSERT_TRUE(far);
  }
};

TEST_F(installer_channel, messages_and_descriptors_arrive_in_order) {
  std::array<int, 2> pipe_ends;
  ASSERT_EQ(::pipe2(pipe_ends.data(), O_CLOEXEC), 0);
  const io::descriptor reader{pipe_ends[0]}, writer{pipe_ends[1]};
  ASSERT_TRUE(send_message(near.get(), wire::install_reply{3, 9}, pipe_ends));
  ASSERT_TRUE(send_message(near.get(), wire::install_go{}));
  const auto first = receive_message(far.get());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->message, wire::installer_message(wire::install_reply{3, 9}));
  ASSERT_EQ(first->descriptors.size(), 2u);
  ASSERT_EQ(::write(first->descriptors[1].get(), "x", 1), 1);
  char read = 0;
  ASSERT_EQ(::read(reader.get(), &read, 1), 1);
  EXPECT_EQ(read, 'x');
  EXPECT_NE(::fcntl(first->descriptors[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  const auto second = receive_message(far.get());
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->descriptors.empty());
  EXPECT_TRUE(std::holds_alternative<wire::install_go>(second->message));
}

TEST_F(installer_channel, nonsense_is_no_message_and_its_descriptors_are_closed) {
  EXPECT_EQ(::send(near.get(), "hello", 5, 0), 5);
  EXPECT_FALSE(receive_message(far.get()));
  const std::string longer(wire::installer_message_size + 1, '\0');
  EXPECT_EQ(::send(near.get(), longer.data(), longer.size(), 0), static_cast<ssize_t>(longer.size()));
  EXPECT_FALSE(receive_message(far.get()));
}

TEST_F(installer_channel, more_descriptors_than_this_process_may_open_are_told_apart) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const std::array<int, 2> sent{near.get(), far.get()};
  ASSERT_TRUE(send_message(near.get(), wire::install_reply{3, 9}, sent));
  const int next = ::dup(near.get());
  ::close(next);
  rlimit one_more = before;
  one_more.rlim_cur = static_cast<rlim_t>(next) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &one_more), 0);
  const bool received = receive_message(far.get()).has_value();
  const int why = errno;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(received);
  EXPECT_EQ(why, EMFILE);
  const io::descriptor again{::dup(near.get())};
  EXPECT_EQ(again.get(), next) << "what came is closed";
}

TEST_F(installer_channel, the_end_of_the_other_side_is_no_message) {
  far.reset();
  EXPECT_FALSE(receive_message(near.get()));
  EXPECT_FALSE(send_message(near.get(), wire::install_go{}));
}

}  // namespace
}  // namespace omnilink::interceptor
