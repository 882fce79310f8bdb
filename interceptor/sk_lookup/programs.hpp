// The eBPF programs that bring a listener what other machines open to this one (sk_lookup), and what stays of them. They need CAP_BPF and
// CAP_NET_ADMIN, nothing of netd's. Single-threaded.
//
//   sk_lookup::programs incoming;
//   core::capture what;
//   what.direction = core::capture::way::in;
//   what.ports = {{9000, 9000}};
//   auto no = incoming.install({{what, false, {listening_v4, listening_v6}}});
//
// From here on accept() on those sockets gives connections to port 9000, each with its original destination as getsockname(). What this
// machine opens to the port goes to the service, so that the holder of the sockets reaches it, too.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/capture.hpp"
#include "interceptor/bpf/failure.hpp"

namespace omnilink::interceptor::sk_lookup {

using bpf::failure;

/// What is to go to one listener: conditions of port, network and source.
struct attachment {
  core::capture what;
  bool fail_closed = true;   ///< what comes while nobody has those sockets is refused; else it goes to the service
  std::vector<int> sockets;  ///< listening TCP, one for each family, or one for both, or a group (SO_REUSEPORT) of each
  /// Maps of the ports that are taken, also from this machine's own clients, and of sources that are let through (cgroup::redirection);
  /// -1: `what` says it. Then nothing of `what` counts, and a family without a socket goes to the service.
  int listened = -1, onward = -1;
};

/// In this process's network namespace.
class programs {
 public:
  programs();
  /// They go, but for the guard of what is to fail closed.
  ~programs();

  /// Exactly these, in place of whatever there was: all of them, or nothing changes. There is no moment without.
  std::optional<failure> install(const std::vector<attachment>& wanted);
  /// There is a guard that will stay.
  bool guards() const noexcept;
  /// Nothing comes to the listeners any more; the guard stays.
  void withdraw() noexcept;

  /// Readable when this machine's addresses changed, which are what tells its own connections; -1: nothing is installed. Who does not
  /// follow them keeps those of the last install(); most connections are told without.
  int news_fd() const noexcept;
  void hear_news();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Attaches a program to this process's network namespace and lets it go: whether this kernel takes it. nullopt: it does.
std::optional<failure> try_attach();

}  // namespace omnilink::interceptor::sk_lookup
