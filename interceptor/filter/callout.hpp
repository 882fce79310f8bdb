// Code that decides: a filter with a callout action asks it. Modelled on WFP's classifyFn, notifyFn and
// flowDeleteFn.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "interceptor/filter/filter.hpp"
#include "interceptor/filter/values.hpp"

namespace omnilink::interceptor::filter {

class flow;

/// Which way bytes of the stream layer go.
enum class stream_way : std::uint8_t { none, to_target, to_client };

/// About the classification, not about the connection.
struct metadata {
  core::instant now{};
  interceptor::filter::flow* flow = nullptr;  ///< null where nobody can keep a context
  stream_way way = stream_way::none;
  bool explaining = false;  ///< somebody only asks what would happen: count and consume nothing
  /// FWP_CONDITION_FLAG_IS_REAUTHORIZE: the connection was let go before, and the filters have changed. Count
  /// and consume nothing; what it was given before, as a place under a limit, it has.
  bool reauthorizing = false;
  /// Asked again, with what the callout of this filter has waited for at hand: those before it have had their say already, and are
  /// told that it is reauthorizing.
  const filter* pended = nullptr;
  /// Reads the clock, to hold callouts to their budgets; null: not held. (Pure code has no clock of its own.)
  core::instant (*clock)() = nullptr;
};

/// The raw bytes of the stream layer: the first ones of that way, everything so far; empty at every other
/// layer.
using layer_data = std::span<const std::uint8_t>;

/// What a callout decides (FWPS_CLASSIFY_OUT0).
struct classify_out {
  /// `pend`: it cannot say yet; whoever asked finds out what it needs, without holding up others, and asks again (FwpsPendOperation0). Only
  /// at layers that may_pend, and neither explaining nor reauthorizing, where nobody waits: that fails.
  enum class answer : std::uint8_t { none, go_on, permit, block, pend };
  answer action = answer::none;
  /// FWPS_RIGHT_ACTION_WRITE. On entry: whether a decision may be written; without it a block is a veto of a
  /// hard permit, and anything else is ignored. A callout clears it together with its decision to make that
  /// hard.
  bool right = true;
  block_answer how{};                      ///< with a block
  /// With a permit: a chain, direct or redirect, as the layer allows them to filters (FwpsApplyModifiedLayerData0); null: none. Stays
  /// where it is as long as the flow.
  const interceptor::filter::action* way = nullptr;
  std::optional<std::uint64_t> associate;  ///< keep this for the flow; given back by flow_delete
  std::size_t need_more = 0;               ///< stream layer: ask again when there are so many bytes more …
  core::nanoseconds wait{0};               ///< … but so long after the first time, do without
};

/// Shared by all workers: its functions are called from several threads at once. One that throws, or exceeds
/// its budget, ends the connection it was called for.
class callout {
 public:
  callout() = default;
  callout(const callout&) = delete;
  callout& operator=(const callout&) = delete;
  virtual ~callout() = default;

  /// All conditions of a filter with this callout hold. `context` is what was associated with this flow at
  /// this layer, or 0.
  virtual void classify(const values& known, const metadata& about, layer_data data, const filter& by,
                        std::uint64_t context, classify_out& out) = 0;

  enum class event : std::uint8_t { filter_added, filter_deleted };
  /// A filter with this callout is about to be added, or was deleted. Not empty: refuses the filter, and with
  /// it the whole transaction, for this reason; ignored for a deletion.
  virtual std::string notify(event, const filter&) { return {}; }

  /// The flow ended, or `context` was replaced. Called once for every associated context, and for nothing
  /// else.
  virtual void flow_delete(layer_id, std::uint64_t /*context*/) {}
};

/// WFP keeps apart that a callout is known to the filters (added) and that its code is there (registered).
enum class callout_state : std::uint8_t {
  absent,
  added,          ///< filters may name it, but there is no code: they block, or permit, or are ignored
  registered,     ///< the code is there, but filters may not name it yet
  ready,          ///< both
  unregistering,  ///< flows still hold contexts, or a call is running: no new calls; unregister again later
};
std::string_view name_of(callout_state s) noexcept;

/// How long a classify may take; longer ones hold up every connection of the worker.
inline constexpr core::nanoseconds callout_budget_default = std::chrono::milliseconds{1};

}  // namespace omnilink::interceptor::filter
