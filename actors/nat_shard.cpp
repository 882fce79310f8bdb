#include "actors/nat_shard.hpp"

#include <algorithm>
#include <stdexcept>

namespace omnilink::actors {
namespace {

// Entries in one page at most: what may be copied into one message.
constexpr std::uint64_t page_max = 1024;

}  // namespace

nat_shard::behavior_type nat_shard::make_behavior() {
  return {
      [this](find_atom, const core::endpoint& source) { return home_.flows.find_source(source); },
      [this](find_atom, const core::flow_key& key) {
        nat_entries out;
        if (const nat::entry* found = home_.flows.find(key)) out.push_back(*found);
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
