// Whose socket is at the other end: an exact question to the kernel's socket table (sock_diag(7)).
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "core/endpoint.hpp"
#include "io/descriptor.hpp"

namespace omnilink::interceptor {

/// A NETLINK_SOCK_DIAG socket that sees this thread's network namespace. Empty: errno says why.
io::descriptor open_sock_diag() noexcept;

struct socket_owner {
  std::uint32_t uid = 0;
  std::uint64_t inode = 0;   ///< "socket:[INODE]" in the /proc/PID/fd of who holds it
  std::uint64_t cgroup = 0;  ///< id of the control group it was made in; 0: this kernel does not say
};

/// Who owns the TCP socket with exactly these two addresses, as that socket sees them; for the
/// client of a redirected connection `remote` is the original destination. nullopt: there is none, or nobody
/// holds it any more, or the kernel did not answer within 100 ms. Blocks for that long: not for a worker.
/// One thread at a time per `diag_fd`.
std::optional<socket_owner> owner_of(int diag_fd, core::endpoint local, core::endpoint remote) noexcept;

/// The same question from any thread, one after the other.
class socket_table {
 public:
  /// Of the network namespace that `diag` was opened in; an empty one: of the first asking thread's.
  explicit socket_table(io::descriptor diag = {}) noexcept : diag_{std::move(diag)} {}
  std::optional<socket_owner> owner_of(const core::endpoint& local, const core::endpoint& remote);

 private:
  std::mutex mutex_;
  io::descriptor diag_;
};

}  // namespace omnilink::interceptor
