#include "actors/admin_reply.hpp"

#include <nlohmann/json.hpp>

#include "actors/flow_answer.hpp"

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

// Only what is known; null: nothing is.
json describe(const core::program_ptr& who) {
  if (!who) return nullptr;
  json out = json::object();
  if (who->pid) out["pid"] = *who->pid;
  if (who->uid) out["uid"] = *who->uid;
  if (who->gid) out["gid"] = *who->gid;
  if (!who->exe.empty()) out["exe"] = who->exe;
  if (!who->process.empty()) out["process"] = who->process;
  if (!who->cgroup.empty()) out["cgroup"] = who->cgroup;
  return out;
}

// null: it never happened.
json milliseconds(core::nanoseconds time) {
  if (time.count() == 0) return nullptr;
  return static_cast<double>(time.count() / 1000) / 1000;  // whole microseconds
}

json describe(const chain::hop& which, const chain::hop_health& h, std::uint32_t running, core::instant now) {
  json out{{"hop", which.name},
           {"url", which.to_string()},
           {"state", h.untried() ? "untried" : h.failing() ? "failing" : "ok"},
           {"outcomes", h.outcomes()},
           {"successes", h.successes()},
           {"consecutive_failures", h.failures_in_a_row()},
           {"connections", running},
           {"connect_ms", milliseconds(h.average().connect)},
           {"tls_ms", milliseconds(h.average().tls)},
           {"request_ms", milliseconds(h.average().request)},
           {"failing_ms", nullptr},
           {"last_success_age_ms", nullptr},
           {"last_failure", nullptr}};
  if (h.failing()) out["failing_ms"] = core::to_milliseconds(now - h.failing_since());
  if (h.last_success()) out["last_success_age_ms"] = core::to_milliseconds(now - *h.last_success());
  if (const auto& failure = h.last_failure()) {
    out["last_failure"] = {{"code", core::name_of(failure->code)},
                           {"step", core::name_of(failure->step)},
                           {"text", failure->text},
                           {"age_ms", core::to_milliseconds(now - failure->when)}};
  }
  return out;
}

json describe(const chain::chain& which, const way_numbers& numbers, const std::vector<chain::hop_health>& health,
              const worker_view& all, core::instant now) {
  json hops = json::array();
  // A chain of proxies has a number for each hop; direct and reject have no hop to speak of.
  for (std::size_t i = 0; i < numbers.hops.size(); ++i) {
    const std::uint16_t hop = numbers.hops[i];
    hops.push_back(describe(which.hops[i], hop < health.size() ? health[hop] : chain::hop_health{}, all.through_hop[hop], now));
  }
  return {{"chain", which.name}, {"connections", all.on_chain[numbers.chain]}, {"hops", std::move(hops)}};
}

}  // namespace

std::string reply(const json& document) { return line(document); }

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
               {"announced", all.announced},
               {"closed", all.closed},
               {"capacity", all.capacity},
               {"inserted", all.inserted},
               {"expired", all.expired},
               {"refused", all.refused},
               {"replaced", all.replaced},
               {"erased", all.erased},
               {"loops", loops},
               {"denied", denied}});
}

std::string reply_nat_list(const nat_entries& flows, core::instant now, std::uint64_t next) {
  json out = json::array();
  for (const nat::entry& f : flows) {
    const bool live = f.state == nat::flow_state::live;
    out.push_back({{"source", f.key.source.to_string()},
                   {"local", f.key.local.to_string()},
                   {"original", f.original.to_string()},
                   {"dialled", dialled_of(f)},
                   {"state", live ? "live" : "closed"},
                   {"carrier", f.carrier == nat::carrier::omnilink ? "omnilink" : "other"},
                   {"chain", f.chain},
                   {"rule", f.rule ? *f.rule : std::string{}},
                   {"program", describe(f.program)},
                   {"connection", f.connection},
                   {"generation", f.generation},
                   {"age_ms", core::to_milliseconds(now - f.created)},
                   {"closed_ms", live ? 0 : core::to_milliseconds(now - f.closed)},
                   {"remaining_ms", remaining_ms(f, now)}});
  }
  return line({{"flows", std::move(out)}, {"next", next}});
}

std::string reply_deleted(std::uint32_t flows) { return line({{"deleted", flows}}); }

std::string reply_connections(const connection_list& running, core::instant now) {
  json out = json::array();
  for (const connection_info& c : running) {
    out.push_back({{"id", c.id},
                   {"source", c.source.to_string()},
                   {"destination", c.original.port != 0 ? c.original.to_string() : std::string{}},
                   {"chain", c.chain},
                   {"program", describe(c.program)},
                   {"phase", c.phase},
                   {"up", c.bytes_up},
                   {"down", c.bytes_down},
                   {"age_ms", core::to_milliseconds(now - c.begun)}});
  }
  return line({{"connections", std::move(out)}});
}

std::string reply_chains(const snapshot& in_use, const std::vector<chain::hop_health>& health, const worker_view& all, core::instant now) {
  json out = json::array();
  for (const chain::chain& c : in_use.config.chains) out.push_back(describe(c, in_use.numbers_of(c), health, all, now));
  if (out.empty()) out.push_back({{"chain", "direct"}, {"connections", all.on_chain[numbering::direct]}, {"hops", json::array()}});
  return line({{"chains", std::move(out)}});
}

std::string reply_metrics(const std::string& text) { return line({{"metrics", text}}); }

}  // namespace omnilink::actors
