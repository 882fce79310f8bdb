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

/// A callout that cannot say yet: asked again, with its answer at hand, the others count nothing twice.
struct pended_callout {
  const interceptor::filter::filter* by;  ///< of the policy in force
  std::size_t tags;                       ///< that were on the connection before it was asked
};

struct asked_connection {
  const core::target& where;
  const core::flow_key& key;
  core::endpoint came_to;  ///< incoming: where its client connected to
  std::string_view listener;
  std::uint64_t minute = 0;                ///< of the week, when it began
  const core::program* program = nullptr;  ///< who opened it, as far as it is known
  std::string_view interface;              ///< that it came in by; empty: unknown
  std::uint64_t netns = 0;                 ///< of the program's socket; 0: unknown
  interceptor::filter::flow* flow = nullptr;  ///< what callouts keep of it
  bool explaining = false;                    ///< it is only asked what would be: nothing is counted
  bool again = false;                         ///< it was let go before: nothing is counted, and what it has been given it has
  std::optional<pended_callout> pended{};     ///< of the ruling before, whose answer the flow has now
};

struct ruling {
  const chain::chain* way = nullptr;      ///< of the snapshot's router; its `reject` where it may not go
  core::errc code = core::errc::ok;       ///< rejected: it may not go; internal: a callout failed
  bool silent = false;                    ///< rejected without an answer
  std::optional<core::target> redirected; ///< another destination
  std::string rule;                       ///< the names of those that decided
  interceptor::filter::on_change on_change = interceptor::filter::on_change::keep;  ///< the strictest of theirs
  std::string_view reason;                ///< where no rule is the reason
  std::optional<pended_callout> pended{}; ///< nothing is ruled yet: to be asked again when this one has its answer (library_question.hpp)
};

/// The accept layer, before it is known where an incoming connection wants to go: may its client come? Who is not forbidden may, so that
/// `way` is null then.
ruling rule_on_arrival(const asked_connection& what, const worker_settings& by);
/// First the connect-redirect layer, then the connect-auth layer, which sees the changed destination. What no filter permits is
/// rejected; where there are no filters, the only chain takes it. `so_far`: of its arrival, which had permitted it.
ruling rule_on(const asked_connection& what, const worker_settings& by, ruling so_far = {});

/// The connection would go the same way to the same place.
bool is_same(const ruling& a, const ruling& b) noexcept;
/// `rejected by "no telnet"`, `no rule permits it`, `through chain b by "web"`: what became of one that is not the same.
std::string to_string(const ruling& one);

// -- the layers behind these, of a connection that goes to `what.where` now

/// Some filter is to be asked there.
bool asks_at(interceptor::filter::layer_id where, const worker_settings& by) noexcept;
/// `by` has a policy. `data`, at the stream layer: what `from` has said so far.
enum class speaker : std::uint8_t { client, target };
interceptor::filter::decision ask_at(interceptor::filter::layer_id where, const asked_connection& what, const worker_settings& by,
                                     interceptor::filter::layer_data data = {}, speaker from = speaker::client);
/// True: that ends it, and `out` says so.
bool refuses(const interceptor::filter::decision& said, const chain::router& ways, ruling& out);

/// The name that the client's first bytes told, for the last hop in place of the address that `what` asked for: only where the name
/// would go the same way by the same policy, and to the same port (A7). nullopt: the address stays.
std::optional<core::target> sniffed_target(const asked_connection& what, const ruling& now, const worker_settings& by);

}  // namespace omnilink::actors
