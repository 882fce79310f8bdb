// How the decisions of a layer's sublayers become one, by the rules of "Filter Arbitration" (Microsoft's
// documentation of WFP), whose words these are:
//   - a decision is soft (a lighter sublayer may override it) or hard (it may not);
//   - block overrides a soft permit, permit overrides a soft block;
//   - nothing overrides a hard block; a hard permit is overridden only by a veto: a callout's block.
// Every sublayer is asked, also after a hard block, so that callouts see everything.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/clock.hpp"
#include "interceptor/filter/filter.hpp"

namespace omnilink::interceptor::filter {

/// What one filter's permit or block did to the decision so far.
enum class effect : std::uint8_t {
  decided,    ///< there was none
  confirmed,  ///< it was the same; a hard one makes it hard, a permit with a way gives it to one without
  overrode,   ///< it was the opposite and soft
  refused,    ///< it was the opposite and hard, or a callout wrote without the right: no effect
  vetoed,     ///< it was a hard permit, and a callout blocked
};

/// A layer's decision. Pointers into the policy that made it: valid as long as that is held.
struct decision {
  enum class outcome : std::uint8_t {
    none,  ///< no filter permitted or blocked
    permit,
    block,
    failed,  ///< the callout of `by` threw, exceeded its budget or asked for what it may not: the connection ends
    pended,  ///< the callout of `by` cannot say yet: ask again with metadata::pended
  };
  outcome what = outcome::none;
  bool is_hard = false;
  const filter* by = nullptr;  ///< whose permit or block it is
  /// permit: which way, or where to, by the heaviest of the permits that say so (chain, direct, redirect);
  /// null: none.
  const filter* way = nullptr;
  const action* says = nullptr;  ///< with `way`: its action, or what its callout has said in that place
  /// block: how; a callout's own answer where a callout blocked.
  block_answer how{};
  const filter* veto_of =
      nullptr;                ///< the hard permit that a callout vetoed: a conflict of owners, for the log
  bool is_late = false;       ///< failed: it exceeded its budget, rather than threw
  std::size_t need_more = 0;  ///< stream layer: ask again when there are so many bytes more; 0: no need
  core::nanoseconds wait{0};  ///< with need_more: at most so long, from the first time on
};

class arbiter {
 public:
  /// FWPS_RIGHT_ACTION_WRITE.
  bool has_right() const noexcept { return !result_.is_hard; }
  /// Nothing changes that any more.
  bool blocks_for_good() const noexcept { return is(outcome::block) && result_.is_hard; }

  effect permit(const filter& by, const action* says, bool is_hard) noexcept {
    if (is(outcome::block) && result_.is_hard) return effect::refused;
    const bool is_same = is(outcome::permit);
    const effect out = is(outcome::none) ? effect::decided : is_same ? effect::confirmed : effect::overrode;
    if (!is_same) {
      result_.what = outcome::permit;
      result_.by = &by;
    }
    if (!result_.way && says) {
      result_.way = &by;
      result_.says = says;
    }
    result_.is_hard |= is_hard;
    return out;
  }

  effect block(const filter& by, const block_answer& how, bool is_hard, bool by_callout) noexcept {
    if (is(outcome::block)) {
      result_.is_hard |= is_hard;
      return effect::confirmed;
    }
    const bool is_veto = is(outcome::permit) && result_.is_hard;
    if (is_veto && !by_callout) return effect::refused;
    const effect out = is_veto ? effect::vetoed : is(outcome::none) ? effect::decided : effect::overrode;
    if (is_veto) result_.veto_of = result_.by;
    result_.what = outcome::block;
    result_.by = &by;
    result_.way = nullptr;
    result_.says = nullptr;
    result_.how = how;
    result_.is_hard |= is_hard;
    return out;
  }

  void fail(const filter& by, bool is_late) noexcept {
    end(outcome::failed, by);
    result_.is_late = is_late;
  }
  void pend(const filter& by) noexcept { end(outcome::pended, by); }

  void ask_for_more(std::size_t bytes, core::nanoseconds wait) noexcept {
    if (bytes == 0) return;
    result_.need_more = std::max(result_.need_more, bytes);
    result_.wait = std::max(result_.wait, wait);
  }

  const decision& result() const noexcept { return result_; }

 private:
  using outcome = decision::outcome;
  bool is(outcome what) const noexcept { return result_.what == what; }
  void end(outcome what, const filter& by) noexcept {
    result_.what = what;
    result_.by = &by;
    result_.way = nullptr;
    result_.says = nullptr;
  }

  decision result_;
};

}  // namespace omnilink::interceptor::filter
