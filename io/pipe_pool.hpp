// Pipes for splice(2), which moves bytes between two sockets without copying them, but only through a pipe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "io/descriptor.hpp"
#include "io/stream.hpp"

namespace omnilink::io {

class pipe {
 public:
  /// The kernel's default of 64 KiB costs twice the CPU time per byte.
  static constexpr std::size_t capacity = 1024 * 1024;

  /// Empty when the process has no descriptors left, or the kernel does not allow a pipe of this size: a user
  /// without CAP_SYS_RESOURCE may have 64 of them (/proc/sys/fs/pipe-user-pages-soft).
  static std::optional<pipe> make() noexcept;
  pipe(descriptor out, descriptor in) noexcept : out_{std::move(out)}, in_{std::move(in)} {}

  std::size_t held() const noexcept { return held_; }
  /// Takes what a socket has received, `most` bytes of it, into an empty pipe. Failing with EINVAL says that this descriptor
  /// cannot be spliced.
  progress fill(int socket, std::size_t most = capacity) noexcept;
  /// Sends a part of what the pipe holds. EINVAL as above; nothing is lost by it.
  progress pour(int socket) noexcept;
  /// The way out for bytes whose receiver cannot be spliced to.
  progress read(std::span<std::uint8_t> into) noexcept;

 private:
  descriptor out_;
  descriptor in_;
  std::size_t held_ = 0;
};

/// One per worker. Pipes are made when they are first needed, and wait here for the next direction that needs
/// one: in use are only those that hold bytes, and the one being filled.
class pipe_pool {
 public:
  using maker = std::function<std::optional<pipe>()>;

  /// In use at once; further directions read and write. It bounds the memory that receivers that take nothing
  /// can pin to 64 MiB per worker, and is what the kernel gives an ordinary user in all.
  static constexpr std::size_t in_use_limit = 64;
  /// Kept while nobody uses them: an empty pipe costs two descriptors and its share of the user's 64.
  static constexpr std::size_t idle_limit = 16;

  /// From here on SIGPIPE is ignored in this process: splice(2) knows no MSG_NOSIGNAL.
  explicit pipe_pool(maker make = &pipe::make);

  /// Empty when none can be had now.
  std::optional<pipe> take();
  /// A pipe that still holds bytes is closed.
  void give_back(pipe used) noexcept;

  std::size_t in_use() const noexcept { return in_use_; }
  std::size_t idle() const noexcept { return idle_.size(); }

 private:
  maker make_;
  std::vector<pipe> idle_;
  std::size_t in_use_ = 0;
  int pause_ = 0;  // calls of take() that do not ask the kernel, after it has refused
};

}  // namespace omnilink::io
