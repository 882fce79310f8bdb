#include "io/pipe_pool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "io/descriptor_limit.hpp"

namespace omnilink::io {
namespace {

using kind = progress::kind;

// To be refused costs four system calls; whoever is refused goes on with read and write and asks again soon.
constexpr int pause_after_refusal = 64;

// SPLICE_F_MORE would hold back the last segment for 200 ms when no more follows after all. SPLICE_F_NONBLOCK
// is about the pipe; the sockets are non-blocking themselves.
ssize_t splice_now(int from, int to, std::size_t size) noexcept {
  while (true) {
    const ssize_t n = ::splice(from, nullptr, to, nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n >= 0 || errno != EINTR) return n;
  }
}

}  // namespace

std::optional<pipe> pipe::make() noexcept {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return {};
  pipe out{descriptor{ends[0]}, descriptor{ends[1]}};
  if (in_descriptor_reserve(ends[0]) || in_descriptor_reserve(ends[1])) return {};
  if (in_descriptor_reserve(std::max(ends[0], ends[1]))) return {};
  if (::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(capacity)) < static_cast<int>(capacity)) return {};
  return out;
}

// The pipe is empty, so that EAGAIN can only be about the socket.
progress pipe::fill(int socket, std::size_t most) noexcept {
  const ssize_t n = splice_now(socket, in_.get(), most);
  if (n > 0) {
    held_ += static_cast<std::size_t>(n);
    return progress::moved(static_cast<std::size_t>(n));
  }
  if (n == 0) return {kind::eof};
  return errno == EAGAIN ? progress{kind::want_read} : progress::fail_with(errno);
}

progress pipe::pour(int socket) noexcept {
  const ssize_t n = splice_now(out_.get(), socket, held_);
  if (n > 0) {
    held_ -= static_cast<std::size_t>(n);
    return progress::moved(static_cast<std::size_t>(n));
  }
  return n == 0 || errno == EAGAIN ? progress{kind::want_write} : progress::fail_with(errno);
}

progress pipe::read(std::span<std::uint8_t> into) noexcept {
  const ssize_t n = ::read(out_.get(), into.data(), into.size());
  if (n <= 0) return progress::fail_with(n == 0 ? EIO : errno);
  held_ -= static_cast<std::size_t>(n);
  return progress::moved(static_cast<std::size_t>(n));
}

pipe_pool::pipe_pool(maker make) : make_{std::move(make)} {
  idle_.reserve(idle_limit);
  std::signal(SIGPIPE, SIG_IGN);
}

std::optional<pipe> pipe_pool::take() {
  if (in_use_ == in_use_limit) return {};
  std::optional<pipe> out;
  if (!idle_.empty()) {
    out = std::move(idle_.back());
    idle_.pop_back();
  } else if (pause_ > 0) {
    --pause_;
  } else if (!(out = make_())) {
    pause_ = pause_after_refusal;
  }
  if (out) ++in_use_;
  return out;
}

void pipe_pool::give_back(pipe used) noexcept {
  --in_use_;
  if (used.held() == 0 && idle_.size() < idle_limit) idle_.push_back(std::move(used));
}

}  // namespace omnilink::io
