// How whoever waits inside a connection is told to stop: a deadline, a kill and a shutdown all go through
// here. What is waited for arms itself (usually: close the socket); cancel() runs that once and remembers
// why. A cancel that comes between two waits is not lost: every next arm() fails. Used on one worker only.
#pragma once

#include <functional>
#include <utility>

#include "core/errc.hpp"

namespace omnilink::io {

class canceler {
 public:
  /// False: it was already canceled, and `act` was not taken; the caller must not wait.
  [[nodiscard]] bool arm(std::function<void()> act) {
    if (why_ != core::errc::ok) return false;
    act_ = std::move(act);
    return true;
  }
  void disarm() noexcept { act_ = nullptr; }

  /// The first reason stays.
  void cancel(core::errc why) {
    if (why_ != core::errc::ok) return;
    why_ = why;
    if (auto act = std::exchange(act_, nullptr)) act();
  }
  core::errc why() const noexcept { return why_; }
  bool canceled() const noexcept { return why_ != core::errc::ok; }

 private:
  std::function<void()> act_;
  core::errc why_ = core::errc::ok;
};

}  // namespace omnilink::io
