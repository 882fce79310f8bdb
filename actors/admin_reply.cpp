#include "actors/admin_reply.hpp"

#include <nlohmann/json.hpp>

namespace omnilink::actors {
namespace {

using nlohmann::json;

// One line: the newline ends the reply. Names are checked before they get here; anything else is replaced, never thrown.
std::string line(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

// Empty where an explicit client said a name and so dialled no address.
std::string dialled_of(const nat::entry& flow) {
  if (flow.original.is_name() && flow.original_address.is_unspecified()) return {};
  return core::endpoint{flow.original_address, flow.original.port}.to_string();
}

}  // namespace

std::string reply_error(const std::string& what) { return line({{"error", what}}); }

std::string reply_errors(const std::vector<std::string>& lines) {
  std::string all;
  for (const auto& one : lines) all += (all.empty() ? "" : "\n") + one;
  return line({{"error", all}});
}

std::string reply_reloaded() { return line({{"reloaded", true}}); }

std::string reply_ending(std::uint32_t connections) { return line({{"ending", true}, {"connections", connections}}); }

std::string reply_version() { return line({{"version", OMNILINK_VERSION}}); }

std::string reply_killed(bool found) { return line({{"killed", found}}); }

std::string reply_nat_stats(const nat::stats& all, std::uint64_t loops, std::uint64_t denied) {
  return line({{"live", all.live},
               {"closed", all.closed},
               {"capacity", all.capacity},
               {"inserted", all.inserted},
               {"expired", all.expired},
               {"refused", all.refused},
               {"replaced", all.replaced},
               {"loops", loops},
               {"denied", denied}});
}

std::string reply_nat_list(const nat_entries& flows, core::instant now) {
  json out = json::array();
  for (const nat::entry& f : flows) {
    const bool live = f.state == nat::flow_state::live;
    out.push_back({{"source", f.key.source.to_string()},
                   {"local", f.key.local.to_string()},
                   {"original", f.original.to_string()},
                   {"dialled", dialled_of(f)},
                   {"state", live ? "live" : "closed"},
                   {"chain", f.chain},
                   {"connection", f.connection},
                   {"generation", f.generation},
                   {"age_ms", core::to_milliseconds(now - f.created)},
                   {"closed_ms", live ? 0 : core::to_milliseconds(now - f.closed)}});
  }
  return line({{"flows", std::move(out)}});
}

std::string reply_connections(const connection_list& running, core::instant now) {
  json out = json::array();
  for (const connection_info& c : running) {
    out.push_back({{"id", c.id},
                   {"source", c.source.to_string()},
                   {"destination", c.original.port != 0 ? c.original.to_string() : std::string{}},
                   {"chain", c.chain},
                   {"phase", c.phase},
                   {"up", c.bytes_up},
                   {"down", c.bytes_down},
                   {"age_ms", core::to_milliseconds(now - c.begun)}});
  }
  return line({{"connections", std::move(out)}});
}

}  // namespace omnilink::actors
