// The one interface to whatever changes the kernel's network state. Its homes: the sandbox's child process (sandbox.hpp),
// netd (netd_client.hpp) and the tests' double. Nobody else calls libnftables or rtnetlink.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "interceptor/lent_sockets.hpp"
#include "interceptor/listener_config.hpp"
#include "io/descriptor.hpp"

namespace omnilink::interceptor {

/// What is to be installed; validated before it is sent.
struct plan {
  std::uint32_t workers = 1;                        ///< 1 to 64
  std::vector<std::uint16_t> host_loopback_ports;   ///< sandbox: these ports of 127.0.0.1 and ::1 are the host's; at most 64
  std::vector<listener_config> listeners{};         ///< netd: all of them; the sandbox has none
};

/// The sockets of one listener of the plan.
struct opened_listener {
  std::vector<io::descriptor> v4, v6;  ///< listening, non-blocking, steered by core::shard_of; index = worker, or none
  io::descriptor origins, exe_paths;   ///< cgroup: the maps that cgroup::origin_of asks
};

/// What the installer hands out: descriptors made where the worker could not make them.
struct installation {
  /// Listening TCP sockets of the intercepted connections, non-blocking, steered by core::shard_of; index = worker.
  std::vector<io::descriptor> redirect_v4;
  std::vector<io::descriptor> redirect_v6;
  /// The intercepted programs' name server: UDP sockets, and listening TCP sockets; non-blocking.
  io::descriptor dns_udp_v4, dns_udp_v6, dns_tcp_v4, dns_tcp_v6;
  /// A NETLINK_SOCK_DIAG socket of that network namespace, and the namespace's cookie (SO_NETNS_COOKIE).
  io::descriptor sock_diag;
  std::uint64_t netns = 0;
  /// netd: where it is asked for processes (processes.hpp); empty: nobody knows more than this process.
  io::descriptor processes;
  /// netd: where a listener has original_source.
  lent_sockets sources;
  /// netd: one for each listener of the plan, in its order; empty: the service opens them itself.
  std::vector<opened_listener> listeners;
};

/// Why nothing was installed: one line, `step: cause` and the remedy.
struct install_failure {
  std::string step;      ///< "unshare", "nft", …
  int system_errno = 0;
  std::string message;   ///< cause and remedy for people
};

class installer {
 public:
  virtual ~installer() = default;
  /// All of the plan, or nothing and why. Called once, on the control thread; may block briefly.
  virtual boost::system::result<installation, install_failure> install(const plan& wanted) = 0;
  /// The intercepted programs' loopback is their own, not the host's: the sandbox.
  virtual bool has_private_loopback() const noexcept = 0;
  /// Another capture or fail for the listeners that are there; all or nothing. On the control thread.
  virtual std::optional<install_failure> replace(const plan& wanted) = 0;
  /// Takes everything back, but the guard of what is to fail closed; idempotent. May block briefly.
  virtual void remove() noexcept = 0;
};

}  // namespace omnilink::interceptor
