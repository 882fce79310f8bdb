#include "io/unix_socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace omnilink::io::test {
namespace {

using core::errc;

class unix_socket : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(folder_.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/s"; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{folder_}, {}));
  }
  static descriptor connect_to(const std::string& path, int type) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strcpy(name.sun_path, path.c_str());
    descriptor made{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
    if (::connect(made.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0) made.reset();
    return made;
  }
  std::string folder_ = "/tmp/omnilink-test-XXXXXX";
};

TEST_F(unix_socket, E4_has_its_mode_and_leaves_nothing_else) {
  for (const mode_t mode : {0600u, 0666u}) {
    const auto made = open_unix_listener(path(), unix_kind::seqpacket, mode);
    ASSERT_TRUE(made.has_value()) << made.error();
    struct stat found;
    ASSERT_EQ(::stat(path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, mode);
    EXPECT_EQ(files(), 1u);
    EXPECT_TRUE(connect_to(path(), SOCK_SEQPACKET));
  }
}

TEST_F(unix_socket, takes_the_place_of_a_dead_one_only) {
  const auto first = open_unix_listener(path(), unix_kind::stream, 0600);
  ASSERT_TRUE(first.has_value()) << first.error();
  const auto second = open_unix_listener(path(), unix_kind::stream, 0600);
  ASSERT_TRUE(second.has_error());
  EXPECT_NE(second.error().find("listens there"), std::string::npos);
  // Nor one of the other kind.
  EXPECT_TRUE(open_unix_listener(path(), unix_kind::seqpacket, 0600).has_error());
  EXPECT_TRUE(connect_to(path(), SOCK_STREAM));
  EXPECT_EQ(files(), 1u);
}

TEST_F(unix_socket, a_file_a_missing_folder_and_a_long_path_are_refused) {
  std::ofstream{path()} << "precious";
  const auto over_file = open_unix_listener(path(), unix_kind::stream, 0600);
  ASSERT_TRUE(over_file.has_error());
  EXPECT_NE(over_file.error().find("not a socket"), std::string::npos);
  EXPECT_TRUE(open_unix_listener("/nonexistent/s", unix_kind::stream, 0600).has_error());
  EXPECT_TRUE(open_unix_listener(folder_ + "/" + std::string(200, 'x'), unix_kind::stream, 0600).has_error());
  EXPECT_TRUE(open_unix_listener("", unix_kind::stream, 0600).has_error());
}

class unix_pair : public testing::Test {
 protected:
  void SetUp() override {
    int both[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both), 0);
    here_ = descriptor{both[0]};
    there_ = descriptor{both[1]};
  }
  // With `count` descriptors of a pipe's writing end.
  void send(std::string_view text, std::size_t count, int fd) {
    iovec data{const_cast<char*>(text.data()), text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(64 * sizeof(int))> ancillary{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (count > 0) {
      message.msg_control = ancillary.data();
      message.msg_controllen = CMSG_SPACE(count * sizeof(int));
      cmsghdr* head = CMSG_FIRSTHDR(&message);
      head->cmsg_level = SOL_SOCKET;
      head->cmsg_type = SCM_RIGHTS;
      head->cmsg_len = CMSG_LEN(count * sizeof(int));
      for (std::size_t i = 0; i < count; ++i) std::memcpy(CMSG_DATA(head) + i * sizeof fd, &fd, sizeof fd);
    }
    ASSERT_EQ(::sendmsg(there_.get(), &message, 0), static_cast<ssize_t>(text.size()));
  }
  descriptor here_, there_;
  std::array<std::uint8_t, 16> space_;
};

TEST_F(unix_pair, peer_is_who_connected) {
  const auto who = peer_of(here_.get());
  ASSERT_TRUE(who);
  EXPECT_EQ(who->uid, ::getuid());
  EXPECT_EQ(who->gid, ::getgid());
  EXPECT_EQ(who->pid, ::getpid());
  EXPECT_FALSE(peer_of(-1));
}

// A pipe's reading end sees the end when every copy of the writing end is closed.
TEST_F(unix_pair, the_first_descriptor_is_told_from_the_others_and_none_is_lost) {
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{3}, std::size_t{50}}) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    const descriptor reading{ends[0]};
    descriptor writing{ends[1]};
    send("hello", count, writing.get());
    writing.reset();
    auto got = receive_message(here_.get(), space_);
    EXPECT_EQ(got.code, errc::ok);
    EXPECT_EQ(got.size, 5u);
    ASSERT_EQ(bool{got.passed}, count > 0);
    char byte;
    if (count > 0) {
      EXPECT_EQ(::read(reading.get(), &byte, 1), -1) << "nobody holds the writing end";
      EXPECT_NE(::fcntl(got.passed.get(), F_GETFD) & FD_CLOEXEC, 0);
      got.passed.reset();
      EXPECT_EQ(got.more.empty(), count == 1);
      got.more.clear();
    }
    EXPECT_EQ(::read(reading.get(), &byte, 1), 0) << "a descriptor leaked, of " << count;
  }
}

TEST_F(unix_pair, empty_cut_off_and_closed_are_told_apart) {
  EXPECT_EQ(receive_message(here_.get(), space_).code, errc::not_found);
  send("seventeen letters", 0, -1);
  EXPECT_EQ(receive_message(here_.get(), space_).code, errc::oversized);
  there_.reset();
  EXPECT_EQ(receive_message(here_.get(), space_).code, errc::closed_early);
  EXPECT_EQ(receive_message(-1, space_).code, errc::io_failed);
}

}  // namespace
}  // namespace omnilink::io::test
