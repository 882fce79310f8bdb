// The service as the verbs see it: start it, wait, drain, stop. Hides CAF and the threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/configuration.hpp"
#include "core/endpoint.hpp"
#include "interceptor/installer.hpp"

namespace omnilink::actors {

class service {
 public:
  /// `home` installs the interception that the configuration asks for; none: only explicit listeners. It must outlive
  /// the service. Starts no thread yet.
  explicit service(configuration config, interceptor::installer* home = nullptr);
  ~service();  ///< stops at once if it still runs
  service(const service&) = delete;
  service& operator=(const service&) = delete;

  /// Opens the sockets, starts the threads. On failure: one line with the place and the remedy, and nothing is running.
  /// Signals must be blocked before (the threads inherit the mask).
  std::optional<std::string> start();
  /// The listeners' addresses with their real ports, in the configuration's order.
  std::vector<core::endpoint> listening() const;
  /// The admin API's over HTTP, likewise; nullopt: there is none. While the service runs, after start().
  std::optional<core::endpoint> admin_http() const;
  /// Reads the configuration again (configuration::reload); the log says what came of it. Returns at once.
  void reload();
  /// No new connections; those that run may end within drain_timeout, then all are closed. Returns at once.
  void drain();
  /// Closes everything now. Returns at once.
  void stop();
  /// Until drained or stopped. `finished_fd()` becomes readable then, for poll loops.
  void wait();
  /// After wait(): somebody asked for the end, here or over admin.sock. Otherwise the service gave up, and the log says why.
  bool ended_as_asked() const noexcept;
  int finished_fd() const noexcept;

  /// Makes an actor ("supervisor", "forwarder 0", …) throw, and returns when another one has taken its place: how the
  /// tests show what the death of an actor leaves alone. False: there is none of that name.
  bool inject_fault(std::string_view actor);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace omnilink::actors
