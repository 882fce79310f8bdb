// What netd does besides answering its worker: it guards the guard, hears of control groups, looks for processes and at how full
// conntrack is. None of that may keep it from the rest.
#pragma once

#include <poll.h>

#include <array>

#include "cli/netd_log.hpp"
#include "core/clock.hpp"
#include "interceptor/netd.hpp"

namespace omnilink::cli {

/// A worker that asks and does not read the answers is given up, before the guard is missed.
inline constexpr core::nanoseconds answer_patience = std::chrono::milliseconds{500};

class netd_duties {
 public:
  explicit netd_duties(const netd_log& log) : log_{log} {}

  using waits = std::array<pollfd, 7>;
  /// What poll() is to wait for, …
  waits wait_for(const interceptor::netd& home, core::instant now) const;
  /// … until there is more; very long: there will not be.
  core::nanoseconds left(core::instant now) const;
  /// What it said, and what netd has to tell.
  void act(interceptor::netd& home, const waits& seen);
  /// The end of netd itself.
  void end(interceptor::netd& home) const;

 private:
  void look_at_conntrack(core::instant now);

  const netd_log& log_;
  core::instant next_look_{};
  core::instant next_process_{};
  core::instant next_count_{};
};

/// In the form that poll() takes.
int poll_timeout(core::nanoseconds left);

}  // namespace omnilink::cli
