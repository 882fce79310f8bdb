// The asking side of a unix socket, blocking, with a time limit for each step: right for a program that asks
// once and ends.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "io/descriptor.hpp"
#include "io/unix_socket.hpp"
#include "wire/handshake.hpp"

namespace omnilink::io {

class unix_client {
 public:
  /// Each returns errno; 0: done. EAGAIN: the time was over.
  int connect(const std::string& path, unix_kind kind, std::chrono::seconds limit);
  /// All of it, or an error.
  int send(wire::bytes data) noexcept;
  /// One message with a descriptor beside it (SCM_RIGHTS), which stays the caller's.
  int send_with(wire::bytes message, int passed) noexcept;
  /// The next message, or some bytes of a stream; `size` 0: the other side has closed.
  int receive(std::span<std::uint8_t> into, std::size_t& size) noexcept;
  /// Readable when there is something to receive; -1: not connected.
  int fd() const noexcept { return socket_.get(); }

 private:
  descriptor socket_;
};

/// One datagram to a unix socket at a path, or with '@' in front under an abstract name. False: nobody took
/// it.
bool send_unix_datagram(std::string_view address, std::string_view text) noexcept;

}  // namespace omnilink::io
