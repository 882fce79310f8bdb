// Who opened a connection, where a rule, the log or a question wants to know: the kernel's socket table says whose socket is at
// its other end, /proc (or netd) which process holds that. On a thread of its own, so that no worker waits.
#pragma once

#include <cstdint>
#include <memory>

#include "core/clock.hpp"
#include "core/endpoint.hpp"
#include "core/program.hpp"
#include "interceptor/sock_diag.hpp"
#include "io/canceler.hpp"
#include "io/descriptor.hpp"
#include "io/task.hpp"

namespace omnilink::interceptor {

class attribution {
 public:
  /// Connections that may wait for their answer; for one more it is "unknown" at once.
  static constexpr std::size_t waiting_max = 1024;
  /// A connection waits no longer than this; the answer is "unknown" then.
  static constexpr core::nanoseconds patience = std::chrono::seconds{2};

  attribution();
  ~attribution();  ///< waits for the question that is being answered; no coroutine may resume meanwhile
  attribution(const attribution&) = delete;
  attribution& operator=(const attribution&) = delete;

  // Before the first question:
  /// There are connections of that network namespace too.
  void use_sandbox(std::uint64_t netns, io::descriptor sock_diag);
  /// Processes are asked of netd, at the other end of this channel, and not of /proc.
  void use_netd(io::descriptor channel);

  /// The kernel's socket table of a namespace; 0: of our own. Null: of no namespace of ours.
  socket_table* sockets_of(std::uint64_t netns) noexcept;

  struct question {
    core::endpoint source;    ///< the program's socket …
    core::endpoint dialled;   ///< … and its peer, as that socket sees them
    std::uint64_t netns = 0;  ///< of that socket; 0: our own
    bool process = false;     ///< what only the process can tell, too: pid, gid, exe, process
    core::program_ptr known;  ///< caught when it connected: stays, and is only added to; may be null
    std::uint64_t cgroup = 0; ///< likewise: the id of its control group; 0: unknown
  };
  /// From a coroutine on any worker, which goes on there. What is unknown is not set; null: nothing is known at all.
  io::task<core::program_ptr> find(question asked, io::canceler& owner, boost::asio::io_context& home);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace omnilink::interceptor
