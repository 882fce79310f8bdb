// All typed interfaces and messages of the actors. Every actor is pinned to one unit (runtime.hpp): the per-worker ones to
// their worker, the others to control. No payload byte is ever in a message (invariant 1); all messages stay in the process.
//
// State outlives actors: what an actor works on belongs to its unit (worker.hpp, control.hpp), the actor is its message
// face. Each understands `fault_atom`, which throws: with it the tests show what the death of an actor leaves alone.
#pragma once

#include <caf/atom.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/connection_info.hpp"
#include "chain/health.hpp"
#include "core/endpoint.hpp"
#include "nat/table.hpp"

namespace omnilink::actors {

struct listening;                                      // worker.hpp: a listener's sockets for one worker
using listening_ptr = std::shared_ptr<listening>;
using nat_entries = std::vector<nat::entry>;
using connection_list = std::vector<connection_info>;
using endpoint_list = std::vector<core::endpoint>;
using nat_page = nat::table::page;
using nat_inserted = nat::table::inserted;

/// One thing to do in a shard for query.sock …
struct nat_request {
  enum class kind : std::uint8_t {
    find_source,   ///< all flows of key.source, newest first; an unspecified address: of that port
    find_flow,     ///< the flow with exactly this key
    erase_source,  ///< what comes from key.source
    erase_flow,
    announce,  ///< `flow`
  };
  kind what;
  core::flow_key key;
  std::uint64_t generation = 0;            ///< of erase; 0: any
  std::shared_ptr<const nat::entry> flow{};  ///< of announce
};
/// … and what came of it.
struct nat_result {
  nat_entries flows;             ///< found, or recorded
  core::errc code = core::errc::ok;  ///< as nat::table says
  std::uint32_t erased = 0;
};
using nat_requests = std::vector<nat_request>;
using nat_results = std::vector<nat_result>;

/// What connections saw of one hop, by its number.
struct hop_mark {
  std::uint16_t hop;
  chain::hop_outcome seen;
};
using hop_marks = std::vector<hop_mark>;

/// What the start of the service came to.
struct start_report {
  std::string error;         ///< empty: running
  endpoint_list listening;   ///< in the configuration's order, with real ports
};

}  // namespace omnilink::actors

CAF_BEGIN_TYPE_ID_BLOCK(omnilink, first_custom_type_id)

  CAF_ADD_ATOM(omnilink, omnilink::actors, start_atom, "start")
  CAF_ADD_ATOM(omnilink, omnilink::actors, listen_atom, "listen")
  CAF_ADD_ATOM(omnilink, omnilink::actors, act_atom, "act")
  CAF_ADD_ATOM(omnilink, omnilink::actors, list_atom, "list")
  CAF_ADD_ATOM(omnilink, omnilink::actors, stats_atom, "stats")
  CAF_ADD_ATOM(omnilink, omnilink::actors, kill_atom, "kill")
  CAF_ADD_ATOM(omnilink, omnilink::actors, name_atom, "name")
  CAF_ADD_ATOM(omnilink, omnilink::actors, drain_atom, "drain")
  CAF_ADD_ATOM(omnilink, omnilink::actors, stop_atom, "stop")
  CAF_ADD_ATOM(omnilink, omnilink::actors, drained_atom, "drained")
  CAF_ADD_ATOM(omnilink, omnilink::actors, marks_atom, "marks")
  CAF_ADD_ATOM(omnilink, omnilink::actors, fault_atom, "fault")

CAF_END_TYPE_ID_BLOCK(omnilink)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(omnilink::actors::listening_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(omnilink::actors::nat_requests)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(omnilink::actors::nat_results)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(omnilink::actors::connection_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(omnilink::actors::start_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(omnilink::actors::nat_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(omnilink::actors::hop_marks)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(omnilink::nat::stats)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(omnilink::core::endpoint)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(omnilink::core::address)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(omnilink::core::flow_key)

namespace omnilink::actors {

using caf::reacts_to;
using caf::replies_to;

/// One shard of the NAT store; one per worker. Connections work on the table itself; questions about it come here.
using nat_shard_actor = caf::typed_actor<
    // Many at once, in their order: a message costs more than a look-up.
    replies_to<act_atom, nat_requests>::with<nat_results>,
    // A page of at most so many entries from that cursor on.
    replies_to<list_atom, std::uint64_t, std::uint64_t>::with<nat_page>,
    // Counters of this shard.
    replies_to<stats_atom>::with<nat::stats>,
    reacts_to<fault_atom>>;

/// The message face of one worker's connections.
using forwarder_actor = caf::typed_actor<
    // Accepts on those sockets from now on, for as long as the service lives.
    reacts_to<listen_atom, listening_ptr>,
    // No new connections; tells the supervisor once none is left.
    reacts_to<drain_atom>,
    // Ends every connection; the service is stopping.
    reacts_to<kill_atom>,
    // Ends that connection; false: no such one here.
    replies_to<kill_atom, std::uint64_t>::with<bool>,
    // The connections of this worker as they are now.
    replies_to<list_atom>::with<connection_list>,
    reacts_to<fault_atom>>;

/// Every way in: asks the installer, opens the explicit listeners, knows the fake addresses' names.
using interceptor_actor = caf::typed_actor<
    // Opens everything and hands the sockets to the forwarders; an error leaves nothing open. Once.
    replies_to<start_atom>::with<start_report>,
    // The name behind an address of the fake pools; empty: none was given that address.
    replies_to<name_atom, core::address>::with<std::string>,
    reacts_to<fault_atom>>;

/// Hears from the workers how the hops fare.
using hop_monitor_actor = caf::typed_actor<
    // What connections saw since the last time.
    reacts_to<marks_atom, hop_marks>,
    reacts_to<fault_atom>>;

/// query.sock and admin.sock.
using query_endpoint_actor = caf::typed_actor<
    // Opens both sockets. Once.
    replies_to<start_atom>::with<start_report>,
    reacts_to<fault_atom>>;

/// Starts the others in order, restarts what dies, ends the service.
using supervisor_actor = caf::typed_actor<
    // Starts the others in order; answers when the service runs or cannot.
    replies_to<start_atom>::with<start_report>,
    // No new connections; stops when none is left or the drain timeout is over.
    reacts_to<drain_atom>,
    // Ends everything now.
    reacts_to<stop_atom>,
    // That worker has no connection left.
    reacts_to<drained_atom, std::uint32_t>,
    reacts_to<fault_atom>>;

}  // namespace omnilink::actors
