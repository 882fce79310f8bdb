#include "actors/nat_shard.hpp"

#include <algorithm>
#include <stdexcept>

namespace omnilink::actors {
namespace {

// Entries in one page at most: what may be copied into one message.
constexpr std::uint64_t page_max = 1024;

void erase(nat::table& flows, const core::flow_key& key, std::uint64_t generation, nat_result& out) {
  const core::errc code = flows.erase(key, generation);
  if (code == core::errc::ok) ++out.erased;
  else if (out.code != core::errc::permission_denied) out.code = code;
}

nat_result act(worker& home, const nat_request& wanted) {
  using kind = nat_request::kind;
  nat_result out;
  switch (wanted.what) {
    case kind::find_source:
      out.flows = home.flows.find_source(wanted.key.source);
      break;
    case kind::find_flow:
      if (const nat::entry* found = home.flows.find(wanted.key)) out.flows.push_back(*found);
      break;
    case kind::erase_source:
      for (const nat::entry& flow : home.flows.find_source(wanted.key.source)) erase(home.flows, flow.key, wanted.generation, out);
      break;
    case kind::erase_flow:
      erase(home.flows, wanted.key, wanted.generation, out);
      break;
    case kind::announce:
      out.code = home.flows.announce(*wanted.flow, core::clock::now()).code;
      if (out.code == core::errc::ok) out.flows.push_back(*home.flows.find(wanted.flow->key));
      home.schedule_sweep();
      break;
  }
  return out;
}

}  // namespace

nat_shard::behavior_type nat_shard::make_behavior() {
  return {
      [this](act_atom, const nat_requests& wanted) {
        nat_results out;
        out.reserve(wanted.size());
        for (const nat_request& one : wanted) out.push_back(act(home_, one));
        return out;
      },
      [this](list_atom, std::uint64_t cursor, std::uint64_t limit) {
        return home_.flows.list(cursor, std::min(limit, page_max));
      },
      [this](stats_atom) { return home_.flows.stats(); },
      [](fault_atom) { throw std::runtime_error{"injected fault"}; },
  };
}

}  // namespace omnilink::actors
