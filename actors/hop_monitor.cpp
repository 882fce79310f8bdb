#include "actors/hop_monitor.hpp"

#include <stdexcept>

namespace omnilink::actors {

hop_monitor::behavior_type hop_monitor::make_behavior() {
  return {
      [this](marks_atom, const hop_marks& seen) { remember(home_, seen); },
      [](fault_atom) { throw std::runtime_error{"injected fault"}; },
  };
}

void remember(control& home, const hop_marks& seen) {
  home.health.resize(home.numbers.hops().size());
  for (const hop_mark& one : seen) home.health[one.hop].record(one.seen);
}

}  // namespace omnilink::actors
