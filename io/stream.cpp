#include "io/stream.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/error.hpp"
#include "io/frame_pool.hpp"

namespace omnilink::io {
namespace {

using kind = progress::kind;

class tcp_stream final : public stream, public pooled {
 public:
  tcp_stream(tcp_socket socket, nagle how) : socket_{std::move(socket)}, how_{how} {}

  progress write(bytes data) noexcept override {
    if (!socket_.is_open()) return progress::fail(core::errc::canceled);
    send_at_once();
    readiness& known = socket_.known();
    while (known.worth_a_try(event::write)) {
      const ssize_t n = ::send(socket_.native_handle(), data.data(), data.size(), MSG_NOSIGNAL);
      if (n >= 0) {
        // The kernel has no room for the rest, and will say when it has.
        if (static_cast<std::size_t>(n) < data.size()) known.exhausted(event::write);
        return progress::moved(static_cast<std::size_t>(n));
      }
      if (errno == EAGAIN) known.exhausted(event::write);
      else if (errno != EINTR) return progress::fail_with(errno);
    }
    return {kind::want_write};
  }

  progress shutdown_send() noexcept override {
    if (::shutdown(socket_.native_handle(), SHUT_WR) == 0) return progress::moved(0);
    // ENOTCONN: an RST has ended the connection meanwhile.
    return errno == ENOTCONN ? progress::fail(core::errc::reset, ENOTCONN) : progress::fail_with(errno);
  }

  tcp_socket& socket() noexcept override { return socket_; }
  bool is_plain() const noexcept override { return true; }

 protected:
  progress read_more(std::span<std::uint8_t> into) noexcept override {
    if (!socket_.is_open()) return progress::fail(core::errc::canceled);
    readiness& known = socket_.known();
    while (known.worth_a_try(event::read)) {
      const ssize_t n = ::recv(socket_.native_handle(), into.data(), into.size(), 0);
      if (n > 0) {
        if (static_cast<std::size_t>(n) < into.size()) known.fell_short();
        return progress::moved(static_cast<std::size_t>(n));
      }
      if (n == 0) return {kind::eof};
      if (errno == EAGAIN) known.exhausted(event::read);
      else if (errno != EINTR) return progress::fail_with(errno);
    }
    return {kind::want_read};
  }

 private:
  void send_at_once() noexcept {
    if (how_ == nagle::off || !std::exchange(has_written_, true)) return;
    socket_.set_option(tcp::no_delay{true});
    how_ = nagle::off;
  }

  tcp_socket socket_;
  nagle how_;
  bool has_written_ = false;
};

}  // namespace

progress progress::fail_with(int system_errno) noexcept {
  if (system_errno == EBADF) return fail(core::errc::canceled);
  return fail(to_errc_from_errno(system_errno), system_errno);
}

progress stream::read(std::span<std::uint8_t> into) noexcept {
  if (buffered() == 0) return read_more(into);
  const std::size_t n = std::min(into.size(), buffered());
  std::memcpy(into.data(), early_.data() + early_read_, n);
  early_read_ += n;
  if (buffered() == 0) {
    early_ = {};
    early_read_ = 0;
  }
  return progress::moved(n);
}

void stream::unread(bytes data) {
  early_.erase(early_.begin(), early_.begin() + static_cast<std::ptrdiff_t>(early_read_));
  early_read_ = 0;
  early_.insert(early_.begin(), data.begin(), data.end());
}

void stream::set_reset_on_close() noexcept {
  socket().set_option(tcp::socket::linger{true, 0});
}

void stream::close() noexcept { socket().close(); }

std::unique_ptr<stream> make_tcp_stream(tcp_socket socket, nagle how) {
  return std::make_unique<tcp_stream>(std::move(socket), how);
}

}  // namespace omnilink::io
