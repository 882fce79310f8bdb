// A service under test, and what the tests ask of it.
#pragma once

#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "actors/service.hpp"
#include "io/accept.hpp"
#include "tests/actors/socket_client.hpp"

namespace omnilink::test {

/// For sockets with a path; open to every user, as /run/omnilink is.
struct temporary_folder {
  temporary_folder() {
    path = ::mkdtemp(space);
    ::chmod(space, 0755);
  }
  ~temporary_folder() { ::rmdir(space); }
  char space[32] = "/tmp/omnilink-test-XXXXXX";
  std::string path;
};

/// A mixed listener on a free loopback port, two workers, direct.
inline actors::configuration two_workers() {
  actors::configuration out;
  out.service.workers = 2;
  out.log_access = false;
  interceptor::listener_config listener;
  listener.where = {core::address::v4(0x7f000001), 0};
  out.listeners.push_back(listener);
  return out;
}

class running {
 public:
  explicit running(actors::configuration config, interceptor::installer* home = nullptr)
      : service_{std::move(config), home}, problem_{service_.start()} {}
  actors::service* operator->() { return &service_; }
  core::endpoint listener() const { return service_.listening().at(0); }
  std::string problem() const { return problem_.value_or(""); }
  bool finished() {
    pollfd done{service_.finished_fd(), POLLIN, 0};
    return ::poll(&done, 1, 0) == 1;
  }

 private:
  actors::service service_;
  std::optional<std::string> problem_;
};

/// A SOCKS5 tunnel through `listener`; empty: refused.
inline io::descriptor tunnel(const core::endpoint& listener, const core::target& to) {
  io::descriptor fd = connect_tcp(listener);
  if (fd && socks5_connect(fd.get(), to) != 0) fd.reset();
  return fd;
}

/// The question for a client's own connection, by its source address.
inline wire::nat_question about(int client_fd) {
  wire::nat_question out;
  out.source = io::bound_address(client_fd);
  return out;
}

}  // namespace omnilink::test
