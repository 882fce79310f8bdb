#include "actors/memory_watch.hpp"

#include <malloc.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "actors/control.hpp"
#include "actors/worker.hpp"
#include "io/frame_pool.hpp"
#include "io/log.hpp"

namespace omnilink::actors {
namespace {

// Far from the limit once a second will do: until then no more connections come in than there is memory for. Those that are in may
// grow, so the nearer the limit the oftener.
constexpr core::nanoseconds far_away = std::chrono::seconds{1};
constexpr core::nanoseconds near = std::chrono::milliseconds{250};
constexpr core::nanoseconds very_near = std::chrono::milliseconds{50};
constexpr std::uint32_t room_for_a_second = 4096;  // connections
constexpr std::uint32_t room_for_nobody = 64;
// Giving memory back takes the allocator's locks for as long as it takes to walk what is free.
constexpr core::nanoseconds trim_interval = std::chrono::seconds{1};
constexpr std::uint32_t storm_least = 1000;  // connections, some 5 MiB

}  // namespace

memory_watch::memory_watch(control& home) : home_{home}, next_{home.deadlines} {}

void memory_watch::look() {
  auto found = measure();
  const auto now = core::clock::now();
  const std::uint32_t connections = home_.shared->connections.load();
  auto order = budget_.look(found.used, found.limit, connections);
  const bool full = order.allowed < connections + std::uint64_t{room_for_nobody};
  const bool full_again = full && (budget_.sheds() || now - trimmed_ >= trim_interval);
  const bool dropped = std::exchange(drops_, false);
  if (is_after_storm(connections)) drop_spare_frames();
  if (dropped || full_again) {
    // What connections have freed is the allocator's still, and counts until it is the kernel's.
    ::malloc_trim(0);
    trimmed_ = now;
    found = measure();
    order = budget_.look(found.used, found.limit, connections);
  }
  home_.shared->gate.allow(order.allowed);
  if (order.shed != 0) {
    io::log::at_most_once_a_second(io::log::level::warn, "memory-shed",
                                   {{"used", found.used}, {"limit", found.limit}, {"connections", connections}, {"ending", order.shed}});
    shed(order.shed);
  }
  next_.arm(now + until_next(found, order.allowed), [this] { look(); });
}

// Most of those that were here are gone, and what they had is worth giving back.
bool memory_watch::is_after_storm(std::uint32_t connections) noexcept {
  admission& gate = home_.shared->gate;
  if (gate.most() < storm_least || connections > gate.most() / 4) return false;
  gate.since_now();
  return true;
}

// For the next look.
void memory_watch::drop_spare_frames() {
  drops_ = true;
  for (worker* w : home_.workers) boost::asio::post(w->execution.io(), [] { io::drop_spare_frames(); });
}

// The configured limit is one of resident memory. Otherwise it is what the control group's limit leaves beside the others in the
// group and the kernel's socket buffers: a command that fills its container does not lose its connections for it.
io::memory_use memory_watch::measure() const {
  const auto& wanted = home_.settings->config.service.memory_max;
  if (wanted == 0) return {};
  const std::uint64_t own = io::resident_memory();
  if (!wanted) {
    if (const auto group = group_.use()) {
      const std::uint64_t others = group->used - std::min(group->used, own);
      return {own, group->limit > others ? group->limit - others : 1};
    }
  }
  return {own, wanted ? *wanted : io::physical_memory()};
}

core::nanoseconds memory_watch::until_next(const io::memory_use& found, std::uint32_t allowed) const {
  const bool room = allowed >= home_.shared->connections.load() + std::uint64_t{room_for_a_second};
  if (found.limit == 0 || (room && found.used < found.limit / 2)) return far_away;
  return found.used < found.limit / 4 * 3 ? near : very_near;
}

// Each worker its share: the kernel spreads connections evenly, and so those that are idle.
void memory_watch::shed(std::uint32_t count) {
  const auto workers = static_cast<std::uint32_t>(home_.workers.size());
  for (worker* w : home_.workers) {
    boost::asio::post(w->execution.io(), [w, share = (count + workers - 1) / workers] { w->shed(share); });
  }
}

}  // namespace omnilink::actors
