// How the hops fare, from what connections saw of them: nothing is ever sent to a hop to find out. Pure: time is an
// argument.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "chain/chain.hpp"
#include "chain/hop_time.hpp"
#include "core/clock.hpp"
#include "core/verdict.hpp"

namespace omnilink::chain {

enum class mark : std::uint8_t {
  none,  ///< says nothing of this hop
  good,  ///< it did its part
  bad,
};

/// What the dial of `way` that ended with `dial` says of its hop number `hop`. Only what is a hop's own doing counts against
/// it:
///   connect, TLS, login, nonsense, silence   the hop's at which the dial ended
///   a refusal that speaks of the next address (SOCKS5 2 3 4 5 6 8; SOCKS4 91; HTTP 403 404 410 451 500 502 503 504), or a SOCKS5 hop
///   that has agreed on a method and then says nothing more   the next hop's; of the last hop, the target's: nobody's
///   a kill, the end of the service, a loop, a limit or a lack of ours (descriptors, a local firewall)   nobody's
/// Those before it did their part; those behind it were not asked.
mark mark_of(const core::verdict& dial, const chain& way, std::size_t hop) noexcept;

/// What one dial saw of one hop.
struct hop_outcome {
  core::instant when{};
  core::errc code = core::errc::ok;  ///< ok: it did its part
  core::step step = core::step::none;
  hop_time took;     ///< of the steps that succeeded
  std::string text;  ///< the verdict, for people; empty when ok
};

/// None where mark_of() says nothing. `took` is the hop's, 0 where it was not reached.
std::optional<hop_outcome> outcome_of(const core::verdict& dial, const chain& way, std::size_t hop, hop_time took,
                                      core::instant when);

/// One hop over the time that omnilink runs.
class hop_health {
 public:
  /// Outcomes that are remembered one by one.
  static constexpr std::size_t window = 32;

  /// In the order in which they are heard of.
  void record(hop_outcome seen);

  bool untried() const noexcept { return seen_ == 0; }
  bool failing() const noexcept { return failures_in_a_row_ > 0; }
  std::uint32_t failures_in_a_row() const noexcept { return failures_in_a_row_; }
  core::instant failing_since() const noexcept { return failing_since_; }  ///< meaningful while failing()
  std::size_t outcomes() const noexcept;                                   ///< in the window
  std::size_t successes() const noexcept;                                  ///< of them
  const std::optional<hop_outcome>& last_failure() const noexcept { return last_failure_; }
  std::optional<core::instant> last_success() const noexcept { return last_success_; }
  /// Moving averages, the newest weighing 1/8 (as RFC 6298's SRTT); 0: the step never happened.
  const hop_time& average() const noexcept { return average_; }

 private:
  std::array<bool, window> good_{};
  std::uint64_t seen_ = 0;
  std::uint32_t failures_in_a_row_ = 0;
  core::instant failing_since_{};
  std::optional<hop_outcome> last_failure_;
  std::optional<core::instant> last_success_;
  hop_time average_;
};

}  // namespace omnilink::chain
