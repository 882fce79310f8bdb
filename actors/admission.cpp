#include "actors/admission.hpp"

namespace omnilink::actors {
namespace {

constexpr std::uint32_t no_limit = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t first_drops = 30;  // percent

// 0 where nobody counts it.
source_counts::counts counted(const core::address& source, bool asks_client, const service_settings& settings) {
  const bool handshake = asks_client && settings.handshakes_of(source) != 0;
  return {settings.max_connections_per_source != 0 ? 1u : 0u, handshake ? 1u : 0u};
}

}  // namespace

const char* name_of(over_limit which) noexcept {
  switch (which) {
    case over_limit::none: return "";
    case over_limit::connections: return "max_connections";
    case over_limit::connections_of_source: return "max_connections_per_source";
    case over_limit::handshakes: return "max_handshakes";
    case over_limit::handshakes_of_source: return "max_handshakes_per_source";
  }
  return "";
}

bool drops_early(std::uint32_t handshakes, std::uint32_t most, std::uint32_t random) noexcept {
  if (handshakes >= most) return true;
  const std::uint32_t begin = most - most / 2;
  if (handshakes < begin) return false;
  const std::uint64_t percent = first_drops + (100 - first_drops) * (handshakes - begin) / (most - begin);
  return random < (percent << 32) / 100;
}

admission::decision admission::decide(const core::address& source, bool asks_client, const service_settings& settings,
                                      std::minstd_rand& random) {
  decision out;
  const std::uint32_t before = connections_.fetch_add(1, std::memory_order_relaxed);
  if (before >= most_.load(std::memory_order_relaxed)) most_.store(before + 1, std::memory_order_relaxed);
  if (before >= settings.max_connections) {
    connections_.fetch_sub(1, std::memory_order_relaxed);
    return refuse(over_limit::connections);
  }
  out.held.owner_ = this;
  if (asks_client) {
    const std::uint32_t others = handshakes_.fetch_add(1, std::memory_order_relaxed);
    out.held.handshake_ = true;
    const std::uint32_t most = settings.handshakes();
    if (others >= most / 2 && drops_early(others, most, std::uniform_int_distribution<std::uint32_t>{}(random))) return refuse(over_limit::handshakes);
  }
  const auto more = counted(source, asks_client, settings);
  if (more.connections == 0 && more.handshakes == 0) return out;
  const source_counts::counts most{more.connections != 0 ? settings.max_connections_per_source : no_limit,
                                   more.handshakes != 0 ? settings.handshakes_of(source) : no_limit};
  out.held.source_ = source_counts::key_of(source);
  switch (by_source_.take(out.held.source_, more, most)) {
    case source_counts::outcome::too_many_connections: return refuse(over_limit::connections_of_source);
    case source_counts::outcome::too_many_handshakes: return refuse(over_limit::handshakes_of_source);
    case source_counts::outcome::taken: break;
  }
  out.held.counted_ = more;
  return out;
}

admission::decision admission::refuse(over_limit why) noexcept {
  turned_away_[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed);
  decision out;
  out.over = why;
  return out;
}

void admission::place::end_handshake() noexcept {
  if (!std::exchange(handshake_, false)) return;
  owner_->handshakes_.fetch_sub(1, std::memory_order_relaxed);
  if (std::exchange(counted_.handshakes, 0u) != 0) owner_->by_source_.give_back(source_, {0, 1});
}

admission::place::~place() {
  if (!owner_) return;
  end_handshake();
  if (counted_.connections != 0) owner_->by_source_.give_back(source_, counted_);
  owner_->connections_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace omnilink::actors
