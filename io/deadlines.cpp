#include "io/deadlines.hpp"

#include <utility>

namespace omnilink::io {

deadlines::deadlines(boost::asio::any_io_executor executor)
    : wheel_{resolution, core::clock::now()}, tick_{executor}, self_{std::make_shared<deadlines*>(this)} {}

deadlines::~deadlines() {
  // A tick that is due already may still be in the executor's queue.
  *self_ = nullptr;
}

void deadlines::schedule() {
  const auto next = wheel_.next_due();
  const bool soon_enough = scheduled_ != core::instant{} && next && scheduled_ <= *next;
  if (!next || soon_enough) return;
  scheduled_ = *next;
  const auto since_epoch =
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(next->time_since_epoch());
  tick_.expires_at(std::chrono::steady_clock::time_point{since_epoch});
  tick_.async_wait([self = self_](const boost::system::error_code& error) {
    if (!error && *self) (*self)->run();
  });
}

void deadlines::run() {
  scheduled_ = {};
  const auto now = core::clock::now();
  const auto alive = self_;
  while (*alive) {
    auto* node = wheel_.pop_due(now);
    if (!node) break;
    auto& due = static_cast<timer&>(*node);
    if (due.wanted_ > now) {
      wheel_.link(due, due.wanted_);
      continue;
    }
    due.expired_ = true;
    const auto expire = std::exchange(due.expire_, nullptr);
    expire();
  }
  if (*alive) schedule();
}

void deadlines::timer::arm(core::instant when, std::function<void()> expire) {
  expire_ = std::move(expire);
  expired_ = false;
  wanted_ = when;
  owner_.wheel_.link(*this, when);
  owner_.schedule();
}

void deadlines::timer::postpone(core::instant when) noexcept {
  if (!linked()) return;
  wanted_ = when;
  if (when >= due()) return;
  owner_.wheel_.link(*this, when);
  owner_.schedule();
}

void deadlines::timer::disarm() noexcept {
  unlink();
  expire_ = nullptr;
}

}  // namespace omnilink::io
