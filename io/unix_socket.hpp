// Unix sockets (unix(7)): a listening one at a path, who is at the other end, and messages that carry a
// descriptor.
#pragma once

#include <sys/types.h>

#include <boost/system/result.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/errc.hpp"
#include "io/descriptor.hpp"

namespace omnilink::io {

enum class unix_kind : std::uint8_t { seqpacket, stream };

/// Non-blocking, with the permission bits `mode` from its first moment at `path`; replaces a socket on which
/// nobody listens any more. The directory must exist and be writable. The error is one line with path and
/// remedy.
boost::system::result<descriptor, std::string> open_unix_listener(const std::string& path, unix_kind kind,
                                                                  mode_t mode);

/// As they were when the peer connected (SO_PEERCRED). Decide by uid and gid; a pid may be somebody else's by
/// now.
struct unix_peer {
  uid_t uid;
  gid_t gid;
  pid_t pid;
};
std::optional<unix_peer> peer_of(int socket) noexcept;

struct unix_message {
  core::errc code = core::errc::ok;  ///< oversized: cut off; closed_early: the peer has closed; not_found:
                                     ///< nothing there yet
  int system_errno = 0;
  std::size_t size = 0;
  descriptor passed;  ///< the first descriptor that came along (SCM_RIGHTS)
  std::vector<descriptor> more;  ///< the others; close a stranger's with close_elsewhere()
};

/// Beside one message (SCM_MAX_FD).
inline constexpr std::size_t passed_most = 253;
/// One message with descriptors beside it (SCM_RIGHTS), which stay the caller's: at most passed_most. Waits as the socket does. 0, or an
/// errno.
int send_passing(int socket, std::span<const std::uint8_t> data, std::span<const int> passed) noexcept;

/// Neither waits. not_found: the other side has to read first.
core::errc send_message(int socket, std::span<const std::uint8_t> data) noexcept;
unix_message receive_message(int socket, std::span<std::uint8_t> into) noexcept;

}  // namespace omnilink::io
