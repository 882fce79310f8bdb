#include "chain/health.hpp"

#include <algorithm>
#include <utility>

namespace omnilink::chain {
namespace {

using core::errc;
using core::step;

// Whose doing the end of a dial is, seen from the hop at which it ended.
enum class doing : std::uint8_t { its_own, of_what_lies_behind, ours };

// 91 is all that SOCKS4 has for that; 92 and 93 are about the user.
bool socks4_speaks_of_next(std::uint16_t reply) noexcept { return reply == 91; }

// RFC 1928 section 6: not allowed, network or host unreachable, refused, TTL expired, address type.
bool socks5_speaks_of_next(std::uint16_t reply) noexcept {
  return (reply >= 2 && reply <= 6) || reply == 8;
}

// RFC 9110 section 15; 500 and 503 are what tinyproxy and squid say of a target that they cannot reach.
bool http_speaks_of_next(std::uint16_t status) noexcept {
  switch (status) {
    case 403:
    case 404:
    case 410:
    case 451:
    case 500:
    case 502:
    case 503:
    case 504:
      return true;
    default:
      return false;
  }
}

bool speaks_of_next(const core::verdict& refusal) noexcept {
  switch (refusal.reply_from) {
    case core::verdict::reply_kind::socks4:
      return socks4_speaks_of_next(refusal.reply);
    case core::verdict::reply_kind::socks5:
      return socks5_speaks_of_next(refusal.reply);
    case core::verdict::reply_kind::http:
      return http_speaks_of_next(refusal.reply);
    case core::verdict::reply_kind::none:
      return false;
  }
  return false;
}

doing doing_of(const core::verdict& dial, hop_kind kind) noexcept {
  switch (dial.code) {
    case errc::canceled:
    case errc::shutting_down:
    case errc::limit_reached:
    case errc::rejected:
    case errc::rules_changed:
    case errc::loop:
    case errc::unsupported:
    case errc::bad_name:
    case errc::permission_denied:
    case errc::internal:
      return doing::ours;
    case errc::io_failed:  // before there is a connection: descriptors, ports, memory
      return dial.step == step::connect || dial.step == step::resolve ? doing::ours : doing::its_own;
    case errc::hop_refused:
      return speaks_of_next(dial) ? doing::of_what_lies_behind : doing::its_own;
    case errc::timed_out:
      return kind == hop_kind::socks5 && dial.step == step::request ? doing::of_what_lies_behind : doing::its_own;
    default:
      return doing::its_own;
  }
}

void approach(core::nanoseconds& average, core::nanoseconds sample) noexcept {
  if (sample.count() == 0) return;
  average = average.count() == 0 ? sample : average + (sample - average) / 8;
}

}  // namespace

mark mark_of(const core::verdict& dial, const chain& way, std::size_t hop) noexcept {
  if (dial.ok()) return mark::good;
  if (dial.hop < 0 || static_cast<std::size_t>(dial.hop) >= way.hops.size()) return mark::none;
  const auto ended_at = static_cast<std::size_t>(dial.hop);
  if (hop < ended_at) return mark::good;
  const doing whose = doing_of(dial, way.hops[ended_at].kind);
  if (whose == doing::of_what_lies_behind) {
    return hop == ended_at ? mark::good : hop == ended_at + 1 ? mark::bad : mark::none;
  }
  return hop == ended_at && whose == doing::its_own ? mark::bad : mark::none;
}

std::optional<hop_outcome> outcome_of(const core::verdict& dial, const chain& way, std::size_t hop, hop_time took,
                                      core::instant when) {
  const mark said = mark_of(dial, way, hop);
  if (said == mark::none) return std::nullopt;
  if (!dial.ok() && static_cast<std::size_t>(dial.hop) == hop) {
    if (dial.step == step::connect) took.connect = {};
    if (dial.step == step::tls) took.tls = {};
    took.request = {};  // it failed, or was not reached
  }
  hop_outcome out{when, errc::ok, step::none, took, {}};
  if (said == mark::bad) {
    out.code = dial.code;
    out.step = dial.step;
    out.text = dial.to_string();
  }
  return out;
}

void hop_health::record(hop_outcome seen) {
  const bool good = seen.code == errc::ok;
  good_[seen_++ % window] = good;
  approach(average_.connect, seen.took.connect);
  approach(average_.tls, seen.took.tls);
  approach(average_.request, seen.took.request);
  if (good) {
    failures_in_a_row_ = 0;
    last_success_ = seen.when;
    return;
  }
  if (failures_in_a_row_++ == 0) failing_since_ = seen.when;
  last_failure_ = std::move(seen);
}

std::size_t hop_health::outcomes() const noexcept {
  return static_cast<std::size_t>(std::min<std::uint64_t>(seen_, window));
}

std::size_t hop_health::successes() const noexcept {
  return static_cast<std::size_t>(std::count(good_.begin(), good_.begin() + static_cast<std::ptrdiff_t>(outcomes()), true));
}

}  // namespace omnilink::chain
