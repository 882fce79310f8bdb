// What would become of a connection, and why: asked by `omnilink explain`, offline and of the running service.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>

#include "chain/route.hpp"
#include "core/clock.hpp"
#include "interceptor/callouts.hpp"
#include "interceptor/filter/policy.hpp"
#include "wire/connection_question.hpp"

namespace omnilink::actors {

/// `rules`: null where there is no filter. The answer:
///   destination   as it was asked for
///   known         what filters are asked about, by field
///   layers        each with its decision and its filters, in the order in which they are asked; `callout` of a filter: what that does
///   outcome       "connect" or "blocked"; blocked: `answer`, as "reject"
///   reason        who decided, for people
///   target, changed_by   where it goes to in the end, and the filter that changed it, or null
///   chain, hops   connect only; no hops: directly
nlohmann::json explain(const interceptor::filter::policy* rules, std::span<const interceptor::callout_settings> callouts,
                       const chain::router& chains, const wire::connection_question& about, core::instant now);

}  // namespace omnilink::actors
