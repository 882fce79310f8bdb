// What the rules say of one connection.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "actors/worker.hpp"
#include "core/flow_key.hpp"
#include "interceptor/filter/flow.hpp"

namespace omnilink::actors {

/// IANA's number: all that filters are asked about is TCP.
inline constexpr std::uint64_t ip_protocol_tcp = 6;
/// Of the local one, from Monday 00:00 on.
std::uint64_t minute_of_the_week() noexcept;

struct asked_connection {
  const core::target& where;
  const core::flow_key& key;
  std::string_view listener;
  const core::program* program = nullptr;  ///< who opened it, as far as it is known
  std::string_view interface;              ///< that it came in by; empty: unknown
  std::uint64_t netns = 0;                 ///< of the program's socket; 0: unknown
  interceptor::filter::flow* flow = nullptr;  ///< what callouts keep of it
  bool explaining = false;                    ///< it is only asked what would be: nothing is counted
};

struct ruling {
  const chain::chain* way = nullptr;      ///< of the snapshot's router; its `reject` where it may not go
  core::errc code = core::errc::ok;       ///< rejected: it may not go; internal: a callout failed
  bool silent = false;                    ///< rejected without an answer
  std::optional<core::target> redirected; ///< another destination
  std::string rule;                       ///< the names of those that decided
  std::string_view reason;                ///< where no rule is the reason
};

/// First the connect-redirect layer, then the connect-auth layer, which sees the changed destination. `by` has a policy. What no
/// filter permits is rejected.
ruling rule_on(const asked_connection& what, const worker_settings& by);

// -- the layers behind these, of a connection that goes to `what.where` now

/// Some filter is to be asked there.
bool asks_at(interceptor::filter::layer_id where, const worker_settings& by) noexcept;
/// `by` has a policy.
interceptor::filter::decision ask_at(interceptor::filter::layer_id where, const asked_connection& what, const worker_settings& by,
                                     interceptor::filter::layer_data data = {});
/// True: that ends it, and `out` says so.
bool refuses(const interceptor::filter::decision& said, const chain::router& ways, ruling& out);

/// The name that the client's first bytes told, for the last hop in place of the address that `what` asked for: only where the name
/// would go the same way by the same policy, and to the same port (A7). nullopt: the address stays.
std::optional<core::target> sniffed_target(const asked_connection& what, const ruling& now, const worker_settings& by);

}  // namespace omnilink::actors
