// When descriptors or memory have run out, a worker stops accepting for a while (D1): all its listeners at once, since what they
// lack is the same. Those who connect meanwhile wait in the listen queues, where the kernel bounds them, and are served late. They
// are not taken out and reset to tell them sooner: such a shortage mostly ends within milliseconds, a program takes a slow
// connect() better than a failed one, and whoever is reset comes back at once and makes it worse.
#pragma once

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/clock.hpp"
#include "io/task.hpp"

namespace omnilink::actors {

class accept_pause {
 public:
  explicit accept_pause(boost::asio::io_context& io) : timer_{io} {}

  bool running() const { return timer_.expiry() > std::chrono::steady_clock::now(); }
  /// Ends with the pause; begins one where none runs, twice as long as the last.
  io::task<> wait() {
    if (!running()) {
      timer_.expires_after(next_);
      next_ = std::min(2 * next_, longest);
    }
    co_await io::expiry(timer_);
  }
  /// Something was accepted: the next pause is a short one.
  void accepted() noexcept { next_ = shortest; }
  void cancel() { timer_.cancel(); }

 private:
  static constexpr core::nanoseconds shortest = std::chrono::milliseconds{1};
  static constexpr core::nanoseconds longest = std::chrono::seconds{1};

  boost::asio::steady_timer timer_;
  core::nanoseconds next_ = shortest;
};

}  // namespace omnilink::actors
