// A network namespace and two control groups of the tests' own: this process, the agent, is in one, its client in the other.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "core/endpoint.hpp"
#include "io/descriptor.hpp"

namespace omnilink::test {

/// For the whole process, once; removed at its end. Empty: it is there; otherwise why the test must be skipped.
std::string enter_world();

core::endpoint at(const char* text);

/// A process that connects as it is told; in the client's control group, and made before there is any thread.
class client {
 public:
  client();
  ~client();

  struct result {
    int system_errno = 0;     ///< of connect()
    core::endpoint source;    ///< as the accepting socket must see it
    core::endpoint own, peer; ///< as the program sees them
  };
  enum class how : std::uint8_t { itself, by_a_child };
  /// `source_port` 0: any; `source`: bound to it first; empty: to none. One connection at a time for each `slot`, 0 to 7.
  result connect(const core::endpoint& to, int slot = 0, std::uint16_t source_port = 0, const char* source = "", how by = how::itself);
  /// As `connect`, of an IPv6 socket to the IPv4 address.
  result connect_mapped(const core::endpoint& to);
  /// Where it listens now.
  core::endpoint listen(int slot, const char* address = "127.0.0.1");
  void reset(int slot);
  void finish(int slot);

  pid_t pid() const noexcept { return pid_; }

 private:
  struct order;
  result tell(const order& what);

  pid_t pid_ = -1;
  io::descriptor channel_;
};

/// A listening socket of this process.
class listener {
 public:
  explicit listener(const char* address = "127.0.0.1");
  std::uint16_t port() const noexcept { return port_; }
  /// The next connection, within 20 s.
  io::descriptor accept() const;
  bool is_empty() const;

 private:
  io::descriptor socket_;
  std::uint16_t port_;
};

/// Runs `body` in a forked process; what it returned, or -1 where a signal ended it.
template <class Body>
int in_a_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace omnilink::test
