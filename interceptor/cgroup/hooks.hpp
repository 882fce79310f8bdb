// The eBPF programs of all cgroup listeners of one service, and what stays of them. Everything needs CAP_BPF, CAP_PERFMON and
// CAP_NET_ADMIN. Single-threaded.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/capture.hpp"
#include "interceptor/bpf/failure.hpp"

namespace omnilink::interceptor::cgroup {

/// Whether this build has the programs (OMNILINK_BPF).
bool built_in() noexcept;

/// What is to go to one listener.
struct attachment {
  core::capture what;
  bool fail_closed = true;
  std::uint16_t port_v4 = 0, port_v6 = 0;  ///< of the listener; 0: it has none of that family
  std::vector<int> sockets;                ///< the listener's
};

using bpf::failure;

class hooks {
 public:
  hooks();
  /// The programs go, but for the guard of what is to fail closed.
  ~hooks();

  /// Exactly these, in place of whatever there was: all of them, or nothing changes. There is no moment without.
  std::optional<failure> install(const std::vector<attachment>& wanted);
  /// Connections of this process are left alone from now on.
  void leave_alone(pid_t process);

  /// The map that knows of each accepted socket where it wanted to go; -1: nothing is installed.
  int origins_fd() const noexcept;
  /// Likewise, by which program; origin.hpp asks both.
  int exe_paths_fd() const noexcept;
  /// There is a guard that will stay.
  bool guards() const noexcept;
  /// Nothing comes to the listeners any more; the guard stays.
  void withdraw() noexcept;

  /// Readable when this machine's addresses changed, or a cgroup was made beside one that is captured; -1 while that is all the same.
  int news_fd() const noexcept;
  /// Makes use of them: a unit that was started again has another cgroup. Empty: done; otherwise what is not captured any more.
  std::string hear_news();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Loads the programs and lets them go: whether this kernel takes them. nullopt: it does.
std::optional<failure> try_load();

}  // namespace omnilink::interceptor::cgroup
