// A byte stream as the handshakes and the relay see it: TCP, or TLS over another stream. Every operation is
// non-blocking and says what to wait for; waiting is always on the one socket at the bottom (socket()). So
// any depth of TLS inside tunnels costs one coroutine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/errc.hpp"
#include "core/secret.hpp"
#include "io/tcp_socket.hpp"
#include "wire/handshake.hpp"

namespace omnilink::io {

using tcp = boost::asio::ip::tcp;
using wire::bytes;

/// What a non-blocking operation came to.
struct [[nodiscard]] progress {
  enum class kind : std::uint8_t {
    done,        ///< `count` bytes were moved (at least one, but for flush and shutdown_send)
    want_read,   ///< call again when socket() is readable
    want_write,  ///< call again when socket() is writable
    eof,         ///< read only: the peer ended its direction in order (FIN, or close_notify)
    failed,      ///< `code` and `system_errno` say why; the stream is of no more use
  };
  kind what = kind::done;
  std::size_t count = 0;
  core::errc code = core::errc::ok;
  int system_errno = 0;

  bool done() const noexcept { return what == kind::done; }
  bool blocked() const noexcept { return what == kind::want_read || what == kind::want_write; }
  static progress moved(std::size_t n) noexcept { return {kind::done, n}; }
  static progress fail(core::errc code, int system_errno = 0) noexcept {
    return {kind::failed, 0, code, system_errno};
  }
  /// EBADF is `canceled`: a socket that close() was called on has no descriptor any more, its owner went
  /// away.
  static progress fail_with(int system_errno) noexcept;
};

class stream {
 public:
  virtual ~stream() = default;
  stream() = default;
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  /// Bytes given back by unread() come first.
  progress read(std::span<std::uint8_t> into) noexcept;
  /// May take a part. Taken bytes may still be inside (TLS): flush() before waiting for anything else.
  virtual progress write(bytes data) noexcept = 0;
  /// `done` when every taken byte was handed to the kernel.
  virtual progress flush() noexcept { return progress::moved(0); }
  /// Ends our direction: FIN, or close_notify; the other direction lives on. Call again while it is blocked.
  virtual progress shutdown_send() noexcept = 0;
  /// The next close() is an RST, not a FIN (SO_LINGER 0): the peer learns that the stream was cut off.
  void set_reset_on_close() noexcept;
  /// Closes now; pending waits end with operation_aborted. Safe to call twice.
  void close() noexcept;
  /// The socket at the bottom, non-blocking; wait on it, never read from it.
  virtual tcp_socket& socket() noexcept = 0;
  /// True: bytes on socket() are the stream's own, so splice(2) may move them (once buffered() is 0).
  virtual bool is_plain() const noexcept = 0;
  /// Replays bytes that were read too early (behind a handshake's reply).
  void unread(bytes data);
  std::size_t buffered() const noexcept { return early_.size() - early_read_; }

 protected:
  virtual progress read_more(std::span<std::uint8_t> into) noexcept = 0;

 private:
  std::vector<std::uint8_t, core::wiping_allocator<std::uint8_t>> early_;  // a login may be in it
  std::size_t early_read_ = 0;
};

/// Whether the kernel holds small writes back while others are on their way (tcp(7), TCP_NODELAY).
enum class nagle : bool { on, off };

/// Takes a connected socket; `how`: as it is already. Nothing is ever held back: the first write has none before it, and ahead of the second it
/// is off. (A short connection has no second one, and saves a system call.)
std::unique_ptr<stream> make_tcp_stream(tcp_socket socket, nagle how = nagle::on);

}  // namespace omnilink::io
