// What asks and announces over query.sock, many messages for one system call, so that it is the service that is measured.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "wire/nat_query.hpp"

namespace omnilink::bench {

inline constexpr unsigned batch = 64;

/// The nth of many flows.
inline core::flow_key key_of(std::uint32_t n) {
  core::flow_key key;
  key.source = {core::address::v4(0x0a000000 + n / 28000), static_cast<std::uint16_t>(32768 + n % 28000)};
  key.local = {core::address::v4(0x7f000001), 12345};
  return key;
}

inline auto announcement_of(std::uint32_t n) {
  wire::nat_announcement out;
  const core::flow_key key = key_of(n);
  out.source = key.source;
  out.local = key.local;
  out.dialled = {core::address::v4(0xcb007105), 443};
  out.original = core::target{out.dialled};
  out.uid = 1000;
  return wire::encode(out);
}

[[noreturn]] inline void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

inline int connected(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::strncpy(to.sun_path, path.c_str(), sizeof to.sun_path - 1);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) give_up("connect");
  return fd;
}

template <class Make>
void send_all(int fd, std::uint32_t count, Make make) {
  using message = decltype(make(0u));
  std::vector<message> space(batch);
  std::vector<iovec> parts(batch);
  std::vector<mmsghdr> headers(batch);
  for (std::uint32_t sent = 0; sent < count;) {
    const unsigned some = std::min<std::uint32_t>(batch, count - sent);
    for (unsigned i = 0; i < some; ++i) {
      space[i] = make(sent + i);
      parts[i] = {space[i].data(), space[i].size()};
      headers[i] = {};
      headers[i].msg_hdr.msg_iov = &parts[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
    for (unsigned done = 0; done < some;) {
      const int n = ::sendmmsg(fd, headers.data() + done, some - done, MSG_NOSIGNAL);
      if (n < 0) give_up("sendmmsg");
      done += static_cast<unsigned>(n);
    }
    sent += some;
  }
}

/// How many of the answers have that status.
inline std::uint32_t receive_all(int fd, std::uint32_t count, wire::nat_answer::status wanted) {
  std::vector<std::array<std::uint8_t, wire::nat_answer_size>> space(batch);
  std::vector<iovec> parts(batch);
  std::vector<mmsghdr> headers(batch);
  std::uint32_t right = 0;
  for (std::uint32_t got = 0; got < count;) {
    for (unsigned i = 0; i < batch; ++i) {
      parts[i] = {space[i].data(), space[i].size()};
      headers[i] = {};
      headers[i].msg_hdr.msg_iov = &parts[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
    const int n = ::recvmmsg(fd, headers.data(), std::min<std::uint32_t>(batch, count - got), MSG_WAITFORONE, nullptr);
    if (n <= 0) give_up("recvmmsg");
    for (int i = 0; i < n; ++i) right += space[static_cast<std::size_t>(i)][4] == static_cast<std::uint8_t>(wanted);
    got += static_cast<std::uint32_t>(n);
  }
  return right;
}

}  // namespace omnilink::bench
