// Sends what some programs connect to to a port of another program: its listener is borrowed, omnilink accepts nothing. Whoever
// has the accepted connection, in whatever process, asks here where it wanted to go. Everything ends with this process: no pins.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "core/capture.hpp"
#include "core/clock.hpp"
#include "core/endpoint.hpp"
#include "core/errc.hpp"
#include "interceptor/cgroup/hooks.hpp"
#include "interceptor/cgroup/origin.hpp"

namespace omnilink::interceptor::cgroup {

struct borrowed_listener {
  core::capture what;       ///< where it names no cgroup: the one that its pids are in
  std::uint16_t port = 0;   ///< of 127.0.0.1, and of ::1 where somebody listens there
  std::uint32_t agent = 0;  ///< the process whose it is; what that one opens is left alone
  /// A port on which the agent listens for what others, of this machine too, open to ports that the programs listen on; 0: it is left
  /// alone. Their sockets are sk_lookup's to choose: see listened_fd().
  std::uint16_t incoming = 0;

  friend bool operator==(const borrowed_listener&, const borrowed_listener&) = default;
};

struct arrival {
  cgroup::origin origin;
  core::endpoint source;          ///< as the accepted socket sees its peer
  std::uint64_t socket = 0;       ///< cookie of the accepted one; 0: not accepted yet
  core::nanoseconds since{0};     ///< on the monotonic clock; 0: unknown
  bool incoming = false;          ///< somebody opened it to the program
};

class redirection {
 public:
  redirection();
  ~redirection();

  /// Once, then attach(). Needs what `hooks` need; nothing is taken yet.
  std::optional<failure> load(const borrowed_listener& wanted);
  /// Returns when connections are taken.
  std::optional<failure> attach();
  /// From now on connections go their own way. Those that were taken are known for as long as this lives.
  void stop() noexcept;

  std::uint16_t port() const noexcept;

  // Any thread, after load(). An answer is right for a connection until its accepted socket is closed, or reset by the program.

  struct found {
    std::uint32_t matches = 0;
    arrival one;  ///< when `matches` is 1
  };
  found from_port(std::uint16_t port) const;
  found from(const core::endpoint& source) const;
  /// `not_redirected`: nobody was sent to this one; else as io::to_errc_from_errno.
  boost::system::result<arrival, core::errc> of(int accepted_fd) const;
  /// Whatever comes from that port; false: nothing does.
  bool forget(std::uint16_t port) const;

  /// For sk_lookup::attachment, where `incoming` is wanted: ports that the programs listen on, kept from attach() on, and the agent's
  /// own connections.
  int listened_fd() const noexcept;
  int onward_fd() const noexcept;
  /// Of a port on which they listened before.
  void add_listened(std::uint16_t port) const;

  /// Readable when there is something to hear; -1: it cannot be had.
  int news_fd() const noexcept;
  /// One thread at a time. `closed`: it ended, else it began.
  using listener = std::function<void(const arrival& which, bool closed)>;
  void hear_news(const listener& to);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// nullopt: this process can redirect here.
std::optional<failure> why_not_here();

}  // namespace omnilink::interceptor::cgroup
