#include "actors/memory_budget.hpp"

#include <algorithm>
#include <limits>

namespace omnilink::actors {
namespace {

constexpr std::uint64_t resume_below = 85, hold_from = 90, shed_from = 95;  // percent

// What a connection may come to before the next look: a handshake's longest request and its buffer, or two TLS engines.
constexpr std::uint64_t connection_bytes = 64 * 1024;

std::uint64_t share(std::uint64_t limit, std::uint64_t percent) noexcept { return limit / 100 * percent; }

std::uint32_t clamped(std::uint64_t count) noexcept {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(count, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

memory_budget::order memory_budget::look(std::uint64_t used, std::uint64_t limit, std::uint32_t connections) noexcept {
  if (limit == 0 || used < share(limit, resume_below)) holds_ = sheds_ = false;
  if (limit == 0) return {std::numeric_limits<std::uint32_t>::max(), 0};
  if (used >= share(limit, hold_from)) holds_ = true;
  if (used >= share(limit, shed_from)) sheds_ = true;
  order out;
  out.allowed = holds_ ? 0 : clamped(connections + (share(limit, hold_from) - used) / connection_bytes);
  if (sheds_ && connections != 0) {
    // As if all that is used were theirs: rather too few, and some more at the next look.
    const std::uint64_t each = std::max<std::uint64_t>(used / connections, 1);
    const std::uint64_t excess = used - share(limit, resume_below);
    out.shed = std::clamp<std::uint32_t>(clamped(excess / each), 1, connections);
  }
  return out;
}

}  // namespace omnilink::actors
