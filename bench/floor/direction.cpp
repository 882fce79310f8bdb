#include "bench/floor/direction.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace omnilink::bench {
namespace {

constexpr int full_buffers_before_splice = 2;
constexpr std::size_t pipe_size = 1 << 20;
constexpr unsigned splice_flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

}  // namespace

direction::~direction() {
  for (const int end : pipe_)
    if (end >= 0) ::close(end);
}

bool direction::pump(bool close_follows) {
  while (!over_) {
    result now = result::blocked;
    if (!left_.empty() || piped_ > 0) {
      if (!to_.blocked) now = left_.empty() ? splice_out() : send_left();
    } else if (ended_) {
      // Closing both sockets says the same with one system call less.
      if (!close_follows && !say_end()) return false;
      over_ = true;
      break;
    } else if (from_.has_more()) {
      now = pipe_[0] >= 0 ? splice_in() : receive();
    }
    if (now != result::moved) return now == result::blocked;
  }
  return true;
}

direction::result direction::receive() {
  const ssize_t got = from_.receive(buffer_);
  if (got < 0) return errno == EAGAIN ? result::blocked : result::failed;
  ended_ = got == 0;
  if (ended_) return result::moved;
  const bool full = static_cast<std::size_t>(got) == buffer_.size();
  full_buffers_ = full ? full_buffers_ + 1 : 0;
  if (full_buffers_ >= full_buffers_before_splice && !open_pipe()) return result::failed;

  const auto sealed = to_.seal({buffer_.data(), static_cast<std::size_t>(got)});
  const ssize_t put = to_.send(sealed);
  if (put < 0 && errno != EAGAIN) return result::failed;
  if (put < std::ssize(sealed)) {
    to_.blocked = true;
    keep(sealed.subspan(put < 0 ? 0 : static_cast<std::size_t>(put)));
  }
  return result::moved;
}

direction::result direction::send_left() {
  const ssize_t put = to_.send(left_);
  if (put < 0 && errno != EAGAIN) return result::failed;
  left_.erase(left_.begin(), left_.begin() + (put < 0 ? 0 : put));
  to_.blocked = !left_.empty();
  return to_.blocked ? result::blocked : result::moved;
}

// A short splice may mean a full pipe as well as an empty socket, so here only EAGAIN ends the reading.
direction::result direction::splice_in() {
  const ssize_t got = ::splice(from_.fd, nullptr, pipe_[1], nullptr, pipe_size, splice_flags);
  if (got < 0) {
    if (errno != EAGAIN) return result::failed;
    from_.readable = false;
    return result::blocked;
  }
  ended_ = got == 0;
  piped_ = static_cast<std::size_t>(got);
  return result::moved;
}

direction::result direction::splice_out() {
  const ssize_t put = ::splice(pipe_[0], nullptr, to_.fd, nullptr, piped_, splice_flags);
  if (put < 0 && errno != EAGAIN) return result::failed;
  if (put < 0) {
    to_.blocked = true;
    return result::blocked;
  }
  piped_ -= static_cast<std::size_t>(put);
  return result::moved;
}

bool direction::open_pipe() {
  if (from_.tls || to_.tls) return true;
  if (::pipe2(pipe_.data(), O_NONBLOCK | O_CLOEXEC) != 0) return false;
  return ::fcntl(pipe_[1], F_SETPIPE_SZ, static_cast<int>(pipe_size)) >= 0;
}

bool direction::say_end() {
  if (to_.tls) {
    const auto sealed = to_.tls->seal_end();
    if (to_.send(sealed) != std::ssize(sealed)) return false;
  }
  return ::shutdown(to_.fd, SHUT_WR) == 0;
}

}  // namespace omnilink::bench
