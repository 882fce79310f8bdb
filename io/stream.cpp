#include "io/stream.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/error.hpp"

namespace omnilink::io {
namespace {

using kind = progress::kind;

class tcp_stream final : public stream {
 public:
  ~tcp_stream() override {
    close();
  }  // Asio's destructor would take SO_LINGER back, and a reset would become an end
  explicit tcp_stream(tcp::socket socket) : socket_{std::move(socket)} {
    boost::system::error_code ignored;  // a socket that is dead already says so at the first read
    if (!socket_.non_blocking()) socket_.non_blocking(true, ignored);
    socket_.set_option(tcp::no_delay{true}, ignored);
  }

  progress write(bytes data) noexcept override {
    while (true) {
      const ssize_t n = ::send(socket_.native_handle(), data.data(), data.size(), MSG_NOSIGNAL);
      if (n >= 0) return progress::moved(static_cast<std::size_t>(n));
      if (errno == EAGAIN) return {kind::want_write};
      if (errno != EINTR) return progress::fail_with(errno);
    }
  }

  progress shutdown_send() noexcept override {
    if (::shutdown(socket_.native_handle(), SHUT_WR) == 0) return progress::moved(0);
    // ENOTCONN: an RST has ended the connection meanwhile.
    return errno == ENOTCONN ? progress::fail(core::errc::reset, ENOTCONN) : progress::fail_with(errno);
  }

  tcp::socket& socket() noexcept override { return socket_; }
  bool is_plain() const noexcept override { return true; }

 protected:
  progress read_more(std::span<std::uint8_t> into) noexcept override {
    while (true) {
      const ssize_t n = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_NOSIGNAL);
      if (n > 0) return progress::moved(static_cast<std::size_t>(n));
      if (n == 0) return {kind::eof};
      if (errno == EAGAIN) return {kind::want_read};
      if (errno != EINTR) return progress::fail_with(errno);
    }
  }

 private:
  tcp::socket socket_;
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
  boost::system::error_code ignored;
  socket().set_option(tcp::socket::linger{true, 0}, ignored);
}

void stream::close() noexcept {
  boost::system::error_code ignored;
  socket().close(ignored);
}

std::unique_ptr<stream> make_tcp_stream(tcp::socket socket) {
  return std::make_unique<tcp_stream>(std::move(socket));
}

}  // namespace omnilink::io
