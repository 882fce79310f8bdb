#include "cli/netd_duties.hpp"

#include <algorithm>

#include "interceptor/conntrack.hpp"

namespace omnilink::cli {
namespace {

using io::log::level;
using namespace std::chrono_literals;

// Somebody who changes rules all the time shall not keep us busy; the guard must be back within a second.
constexpr core::nanoseconds guard_pause = 100ms;
// Four fifths of the time are for what matters more than a process.
constexpr int process_pause = 4;
// Between two looks at how full conntrack is: it fills within seconds, and people need minutes.
constexpr core::nanoseconds conntrack_pause = 10s;

}  // namespace

netd_duties::waits netd_duties::wait_for(const interceptor::netd& home, core::instant now) const {
  return {pollfd{now >= next_look_ ? home.changes_fd() : -1, POLLIN, 0}, pollfd{now >= next_process_ ? home.process_fd() : -1, POLLIN, 0},
          pollfd{home.news_fd(), POLLIN, 0}, pollfd{home.cgroups_fd(), POLLIN, 0},
          pollfd{home.addresses_fd(), POLLIN, 0}, pollfd{home.lender_fd(false), POLLOUT, 0}, pollfd{home.lender_fd(true), POLLOUT, 0}};
}

core::nanoseconds netd_duties::left(core::instant now) const {
  core::nanoseconds out = 1h;
  if (now < next_look_) out = std::min(out, next_look_ - now);
  if (now < next_process_) out = std::min(out, next_process_ - now);
  if (now < next_count_) out = std::min(out, next_count_ - now);
  return out;
}

void netd_duties::act(interceptor::netd& home, const waits& seen) {
  if (seen[3].revents != 0) home.follow_cgroups();
  if (seen[4].revents != 0) home.follow_addresses();
  for (const bool v6 : {false, true}) {
    if (seen[v6 ? 6 : 5].revents != 0) home.lend(v6);
  }
  for (const auto& line : home.take_warnings()) log_.line(level::warn, "capture-limited", {{"reason", line}});
  if (seen[0].revents != 0) {
    next_look_ = core::clock::now() + guard_pause;
    if (home.restore_guard()) log_.line(level::warn, "guard-restored", {{"table", interceptor::guard_table}});
  }
  if (seen[1].revents != 0) {
    const auto begun = core::clock::now();
    home.answer_process();
    const auto ended = core::clock::now();
    next_process_ = ended + process_pause * (ended - begun);
  }
  if (const auto now = core::clock::now(); home.needs_conntrack() && now >= next_count_) look_at_conntrack(now);
  if (seen[2].revents == 0) return;
  if (const std::string wrong = home.hear_news(); !wrong.empty()) log_.line(level::error, "cgroup-lost", {{"reason", wrong}});
}

void netd_duties::look_at_conntrack(core::instant now) {
  next_count_ = now + conntrack_pause;
  const auto use = interceptor::conntrack_in_use();
  if (!use || !use->is_nearly_full()) return;
  log_.line(level::warn, "conntrack-nearly-full",
            {{"connections", use->count},
             {"most", use->most},
             {"meaning", "when it is full new connections are lost"},
             {"remedy", "sysctl -w net.netfilter.nf_conntrack_max=…, or on a gateway tproxy with fail = open, which needs none"}});
}

void netd_duties::end(interceptor::netd& home) const {
  home.withdraw();
  home.leave();
  if (!home.guards()) return;
  log_.line(level::warn, "guard-remains",
            {{"meaning", "what is captured with fail = closed is rejected from now on"}, {"remedy", "start omnilink again, or: omnilink cleanup"}});
}

int poll_timeout(core::nanoseconds left) {
  return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(left).count()));
}

}  // namespace omnilink::cli
