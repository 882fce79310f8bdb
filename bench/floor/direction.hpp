// One direction of a relayed connection: recv and send through the loop's buffer while it is small or chatty, splice(2)
// through a pipe of its own once it has filled that buffer twice in a row, unless TLS is in the way.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "bench/floor/side.hpp"

namespace omnilink::bench {

/// Shared by all directions of the one thread.
using transfer_buffer = std::array<char, 128 * 1024>;

class direction {
 public:
  direction(side& from, side& to, transfer_buffer& buffer) : from_{from}, to_{to}, buffer_{buffer} {}
  ~direction();
  direction(const direction&) = delete;
  direction& operator=(const direction&) = delete;

  /// Moves what can be moved now. False: one of the sockets has failed.
  bool pump(bool close_follows);
  /// The end has been read and all before it was handed on.
  bool over() const noexcept { return over_; }
  /// Goes out before anything that is read.
  void begin_with(std::span<const char> data) {
    if (!data.empty()) keep(to_.seal(data));
  }

 private:
  enum class result { moved, blocked, failed };
  result send_left();
  result receive();
  result splice_out();
  result splice_in();
  bool open_pipe();
  bool say_end();
  void keep(std::span<const char> sealed) { left_.assign(sealed.begin(), sealed.end()); }

  side& from_;
  side& to_;
  transfer_buffer& buffer_;
  std::vector<char> left_;   // received and sealed, not taken by `to` yet
  std::array<int, 2> pipe_{-1, -1};
  std::size_t piped_ = 0;    // bytes in the pipe
  int full_buffers_ = 0;     // in a row
  bool ended_ = false;
  bool over_ = false;
};

}  // namespace omnilink::bench
