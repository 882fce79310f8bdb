// A filter and a sublayer as their owner writes them (FWPM_FILTER0 and FWPM_SUBLAYER0 of Microsoft's
// documentation).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "interceptor/filter/action.hpp"
#include "interceptor/filter/condition.hpp"
#include "interceptor/filter/layer.hpp"

namespace omnilink::interceptor::filter {

/// 1 to 2^32 - 1 are for owners to choose; the engine gives the others, from 2^32 on. 0: the engine shall
/// choose.
using filter_id = std::uint64_t;
inline constexpr filter_id first_given_id = filter_id{1} << 32;

/// Bytes in the name of a filter, sublayer, provider or callout.
inline constexpr std::size_t name_max = 255;
/// A million filters are 200 MB; more is a mistake in a file.
inline constexpr std::size_t filters_max = std::size_t{1} << 20;
inline constexpr std::size_t sublayers_max = 256;
inline constexpr std::size_t conditions_max = 64;  ///< of one filter

/// Whether a lighter sublayer may override the decision ("Filter Arbitration": FWPS_RIGHT_ACTION_WRITE). By
/// default a permit is soft (may be overridden), a block of a filter is hard (may not), and a callout's says
/// so itself.
enum class action_right : std::uint8_t {
  by_default,
  keep,   ///< soft; not for callouts, which decide themselves
  clear,  ///< hard (FWPM_FILTER_FLAG_CLEAR_ACTION_RIGHT), whatever a callout says
};

/// What becomes of the connections that a filter let go, when the filters change and say otherwise of them. In
/// the order of strictness.
enum class on_change : std::uint8_t {
  keep,   ///< they live on
  drain,  ///< they may end by themselves for a while, then they are ended
  close,  ///< they are ended at once
};
inline constexpr std::array<std::string_view, 3> on_change_words{"keep", "drain", "close"};

/// "Filter Weight Assignment": exact, or made from the filter's specificity in one of 16 ranges.
class weight {
 public:
  static weight exact(std::uint64_t value) noexcept { return {value, false}; }
  /// `range` 0 to 15 becomes the four highest bits.
  static weight automatic(std::uint8_t range = 0) noexcept { return {range, true}; }
  bool is_automatic() const noexcept { return is_automatic_; }
  std::uint64_t value() const noexcept { return value_; }  ///< the weight, or its range
  friend bool operator==(const weight&, const weight&) = default;

 private:
  weight(std::uint64_t value, bool is_automatic) noexcept : value_{value}, is_automatic_{is_automatic} {}
  std::uint64_t value_;
  bool is_automatic_;
};

struct filter {
  filter_id id = 0;
  std::string name;      ///< for people and errors; not empty
  std::string provider;  ///< who it belongs to
  layer_id layer = layer_id::connect_auth_v4;
  std::string sublayer = "default";
  interceptor::filter::weight weight = interceptor::filter::weight::automatic();
  std::vector<condition> conditions;  ///< all must hold, but of several on one field any one
  interceptor::filter::action action;
  action_right right = action_right::by_default;
  /// A permit, where it would be a block, while its callout is not registered
  /// (FWPM_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED); not for inspection, which is ignored then.
  bool permit_if_unregistered = false;
  bool enabled = true;
  std::uint64_t context = 0;  ///< for its callout
  interceptor::filter::on_change on_change = interceptor::filter::on_change::keep;

  /// The heaviest is asked first; of equals, the lower id.
  std::uint64_t effective_weight() const noexcept;
  /// Empty: valid; otherwise what is wrong and the remedy, in one line that begins with the filter's name.
  std::string validate() const;
};

struct sublayer {
  std::string name;
  std::uint16_t weight = 0;  ///< the heaviest is asked first; of equals, the name that sorts first
  std::string provider;
  friend bool operator==(const sublayer&, const sublayer&) = default;
};

/// Always there, and in the middle: owners put theirs above or below.
inline constexpr std::string_view default_sublayer = "default";
inline constexpr std::uint16_t default_sublayer_weight = 0x8000;

}  // namespace omnilink::interceptor::filter
