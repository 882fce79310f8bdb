#include "actors/trace_reply.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace omnilink::actors {
namespace {

namespace filter = interceptor::filter;
using filter::trace;
using nlohmann::json;

// null: nobody.
json name(const filter::filter* f) {
  if (!f) return nullptr;
  return {{"id", f->id}, {"name", f->name}, {"provider", f->provider}, {"action", to_string(f->action)}};
}

json describe(const trace::entry& e) {
  json out = name(e.which);
  out["weight"] = e.which->effective_weight();
  out["fate"] = name_of(e.fate);
  if (e.by) out["by"] = name(e.by);
  if (e.fate == trace::fate::unmatched) out["failed"] = e.failed;
  return out;
}

bool is_loser(trace::fate f) noexcept {
  return f == trace::fate::unmatched || f == trace::fate::not_reached;
}

json describe(const trace::asked& asked, bool all) {
  json filters = json::array();
  std::size_t unmatched = 0, not_reached = 0;
  for (const trace::entry& e : asked.entries) {
    std::size_t& count = e.fate == trace::fate::unmatched ? unmatched : not_reached;
    if (!is_loser(e.fate) || ++count <= listed_losers || all) filters.push_back(describe(e));
  }
  const auto folded = [all](std::size_t count) { return all || count < listed_losers ? 0 : count - listed_losers; };
  return {{"sublayer", asked.sublayer},
          {"weight", asked.weight},
          {"filters", std::move(filters)},
          {"more_unmatched", folded(unmatched)},
          {"more_not_reached", folded(not_reached)}};
}

// On which some filter would have decided, were they known.
std::set<std::string_view> missing(const trace& layer, const filter::values& known) {
  std::set<std::string_view> out;
  for (const trace::asked& asked : layer.sublayers) {
    for (const trace::entry& e : asked.entries) {
      if (e.fate != trace::fate::unmatched) continue;
      for (const filter::condition& c : e.which->conditions) {
        if (!known.has(c.field)) out.insert(name_of(c.field));
      }
    }
  }
  return out;
}

const char* name_of(filter::decision::outcome what) noexcept {
  using enum filter::decision::outcome;
  switch (what) {
    case none:
      return "none";
    case permit:
      return "permit";
    case block:
      return "block";
    case failed:
    case pended:  // not while somebody only asks
      break;
  }
  return "failed";
}

}  // namespace

json describe(const trace& layer, const filter::values& known, bool all) {
  json sublayers = json::array();
  for (const trace::asked& asked : layer.sublayers) sublayers.push_back(describe(asked, all));
  const filter::decision& d = layer.decision;
  const bool is_block = d.what == filter::decision::outcome::block;
  return {{"layer", name_of(layer.layer)},
          {"decision", name_of(d.what)},
          {"hard", d.is_hard},
          {"by", name(d.by)},
          {"way", name(d.way)},
          {"answer", is_block ? json(to_string(filter::action::block(d.how))) : json()},
          {"veto_of", name(d.veto_of)},
          {"sublayers", std::move(sublayers)},
          {"missing", missing(layer, known)}};
}

}  // namespace omnilink::actors
