// A socket of a connection, and what edge-triggered epoll has said about it that is still true.
#pragma once

#include <cerrno>
#include <memory>
#include <span>
#include <utility>

#include "bench/floor/tls.hpp"
#include "bench/net.hpp"

namespace omnilink::bench {

class connection;

struct side {
  connection* owner;
  int fd = -1;
  bool readable = false;
  bool closing = false;  ///< the peer has ended or failed: only a read that returns 0 or fails says all of it
  bool blocked = false;  ///< a send was refused; epoll tells when it is worth another try
  std::unique_ptr<tls_channel> tls{};
  bool delays = false;  ///< the kernel may hold a second write back (TCP_NODELAY is off)
  bool has_sent = false;

  bool has_more() const { return readable || (tls && tls->has_more()); }

  /// As recv(2).
  ssize_t receive(std::span<char> into) { return tls ? tls->open(into) : receive_raw(into); }
  ssize_t receive_raw(std::span<char> into) {
    const ssize_t got = readable ? ::recv(fd, into.data(), into.size(), 0) : (errno = EAGAIN, -1);
    // Less than there was room for is all there was: the next edge will say when there is more.
    if (got < 0 || (static_cast<std::size_t>(got) < into.size() && !closing)) readable = false;
    return got;
  }

  /// As send(2). Nothing is ever held back: the first write has none before it, and many a connection has no second one.
  ssize_t send(std::span<const char> sealed) {
    if (delays && std::exchange(has_sent, true)) {
      set_option(fd, IPPROTO_TCP, TCP_NODELAY);
      delays = false;
    }
    return ::send(fd, sealed.data(), sealed.size(), MSG_NOSIGNAL);
  }

  /// What goes over the wire to say `plain`: good until something else is sealed.
  std::span<const char> seal(std::span<const char> plain) { return tls ? tls->seal(plain) : plain; }
};

}  // namespace omnilink::bench
