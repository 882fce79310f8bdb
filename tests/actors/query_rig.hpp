// A service with both of its sockets, and questions to it from several users.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/actors/echo_server.hpp"
#include "tests/actors/running_service.hpp"
#include "tests/actors/socket_client.hpp"

namespace omnilink::test {

using status = wire::nat_answer::status;

class query : public ::testing::Test {
 protected:
  query() : path_{folder_.path + "/query.sock"}, admin_{folder_.path + "/admin.sock"}, omnilink_{config()} {}

  actors::configuration config() {
    auto out = two_workers();
    out.query_socket = path_;
    out.admin_socket = admin_;
    return out;
  }

  temporary_folder folder_;
  std::string path_, admin_;
  echo_server origin_;
  running omnilink_;
};

inline wire::nat_question kind_of(wire::nat_question::kind what) {
  wire::nat_question out;
  out.what = what;
  return out;
}

inline wire::nat_announcement announcement(std::uint16_t port, std::uint32_t uid) {
  wire::nat_announcement out;
  out.source = {core::address::v4(0x7f000001), port};
  out.local = {core::address::v4(0x7f000001), 12345};
  out.dialled = {core::address::v4(0xcb007105), 443};
  out.original = core::target{out.dialled};
  out.uid = uid;
  out.pid = 4711;
  out.exe = "/usr/bin/recorder";
  return out;
}

// The raw system call changes this thread only; glibc's would change all of them.
inline void become(unsigned uid) { ::syscall(SYS_setresuid, uid, uid, uid); }

}  // namespace omnilink::test
