// What admin.sock says of the filters, as JSON.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "core/clock.hpp"
#include "interceptor/filter/engine.hpp"

namespace omnilink::actors {

/// Every filter with its counters, in the order in which they are asked; at most `limit`, of `total`.
nlohmann::json describe_rules(const interceptor::filter::engine& from, std::uint64_t limit, core::instant now);

/// The filter `id`, which is there, and its twins: the filters that the same rule is for the other family of addresses.
nlohmann::json describe_rule(const interceptor::filter::engine& from, interceptor::filter::filter_id id, core::instant now);

}  // namespace omnilink::actors
