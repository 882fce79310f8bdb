// The one timer of a worker: every deadline, idle timeout and periodic slice hangs in its wheel. Costs no
// wake-up while nothing is due. Used from the worker's own thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "core/clock.hpp"
#include "core/timing_wheel.hpp"

namespace omnilink::io {

class deadlines {
 public:
  /// Deadlines are met up to this much late, never early.
  static constexpr core::nanoseconds resolution = std::chrono::milliseconds{5};

  explicit deadlines(boost::asio::any_io_executor executor);
  ~deadlines();
  deadlines(const deadlines&) = delete;
  deadlines& operator=(const deadlines&) = delete;

  boost::asio::any_io_executor executor() noexcept { return tick_.get_executor(); }

  /// One deadline; it disarms itself when destroyed, and must not outlive `deadlines`. Not movable: its node
  /// hangs in the wheel.
  class timer : private core::timing_wheel_node {
   public:
    explicit timer(deadlines& owner) noexcept : owner_{owner} {}
    ~timer() { disarm(); }
    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;

    /// (Re-)arms: `expire` is called once on the worker at or shortly after `when`. It may destroy or re-arm
    /// the timer.
    void arm(core::instant when, std::function<void()> expire);
    /// Moves an armed timer without touching its function: one store when it is later than before. For every
    /// relayed read.
    void postpone(core::instant when) noexcept;
    void disarm() noexcept;
    bool armed() const noexcept { return linked(); }
    /// Since the last arm().
    bool expired() const noexcept { return expired_; }

   private:
    friend class deadlines;
    deadlines& owner_;
    std::function<void()> expire_;
    core::instant wanted_{};  // the truth; the node may hang earlier and is then moved when it comes up
    bool expired_ = false;
  };

 private:
  void schedule();
  void run();

  core::timing_wheel wheel_;
  boost::asio::steady_timer tick_;
  core::instant scheduled_{};  // what tick_ waits for; the epoch: nothing
  std::shared_ptr<deadlines*> self_;  // for ticks that outlive us in the executor's queue
};

}  // namespace omnilink::io
