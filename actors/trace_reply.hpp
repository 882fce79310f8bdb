// A layer's decision and every filter that was asked, as JSON: a part of what `explain` answers.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>

#include "interceptor/filter/trace.hpp"
#include "interceptor/filter/values.hpp"

namespace omnilink::actors {

/// Of the filters of a sublayer that do not match, and of those that were not reached, so many are listed; the
/// others are counted.
inline constexpr std::size_t listed_losers = 3;

/// `known` is what the layer was asked about; `all`: nothing is only counted.
nlohmann::json describe(const interceptor::filter::trace& layer, const interceptor::filter::values& known, bool all);

}  // namespace omnilink::actors
