// What admin.sock answers, as JSON text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "actors/protocol.hpp"
#include "actors/worker.hpp"

namespace omnilink::actors {

/// Any document, on one line.
std::string reply(const nlohmann::json& document);
std::string reply_error(const std::string& what);
/// Several lines; `error` has them all.
std::string reply_errors(const std::vector<std::string>& lines);
std::string reply_reloaded();
/// The service ends; `connections` are left.
std::string reply_ending(std::uint32_t connections);
std::string reply_version();
std::string reply_killed(bool found);
/// `loops`: connections refused because they led to our own listeners; `denied`: of clients that a listener does not admit.
std::string reply_nat_stats(const nat::stats& all, std::uint64_t loops, std::uint64_t denied);
/// `next`: the cursor of the next page; 0: there is none.
std::string reply_nat_list(const nat_entries& flows, core::instant now, std::uint64_t next);
std::string reply_deleted(std::uint32_t flows);
std::string reply_connections(const connection_list& running, core::instant now);
/// The chains in use; without any, "direct".
std::string reply_chains(const snapshot& in_use, const std::vector<chain::hop_health>& health, const worker_view& all, core::instant now);
std::string reply_metrics(const std::string& text);

}  // namespace omnilink::actors
