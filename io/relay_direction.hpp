// One direction of a relay, and the two sides that it lies between. For io/relay alone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "io/brake.hpp"
#include "io/pipe_pool.hpp"
#include "io/relay.hpp"

namespace omnilink::io::relaying {

using core::errc;

/// A direction is in bulk after so many reads in a row that filled the buffer. It was never quiet meanwhile:
/// for less, splice(2) costs more system calls than it saves copying.
inline constexpr int bulk_after = 2;

class session;

struct side {
  stream& bytes;
  relay_side name;
  bool broken = false;  // its socket has failed once; an eof that follows is no end
};

/// Waits for one thing at a time.
struct direction final : waiter {
  direction(side& source, side& sink, std::uint64_t& count) : from{source}, to{sink}, counter{count} {}
  void ready(errc outcome) override;
  void abandon() noexcept override { const auto last = std::move(owner); }

  // The order of a life; `flushing` goes back to `reading`.
  enum class phase : std::uint8_t { reading, writing, flushing, ending, over };
  side& from;
  side& to;
  std::uint64_t& counter;
  phase now = phase::reading;
  std::vector<std::uint8_t> overflow{};  // what `to` did not take at once
  std::size_t written = 0;               // of the overflow
  bool can_splice = false;               // both ends are plain sockets, and the kernel agrees
  int full_buffers = 0;                  // read in a row; from bulk_after on: in bulk
  std::size_t burst = 0;                 // what went through a pipe since the last wait for more
  std::optional<pipe> lent{};            // while it holds bytes, or is about to
  bool end_blocked = false;              // `to` has no room for the end
  std::shared_ptr<session> owner{};      // while it waits
  std::unique_ptr<slowed> limit{};       // null: there is none

  bool in_bulk() const noexcept {
    return can_splice && full_buffers >= bulk_after && from.bytes.buffered() == 0;
  }
  bool over() const noexcept { return now == phase::over; }
};

}  // namespace omnilink::io::relaying
