#include "actors/query_endpoint.hpp"

#include <stdexcept>

namespace omnilink::actors {

query_endpoint::behavior_type query_endpoint::make_behavior() {
  return {
      [this](start_atom) {
        home_.queries = std::make_unique<query_server>(home_);
        return start_report{home_.queries->open(), {}};
      },
      [](fault_atom) { throw std::runtime_error{"injected fault"}; },
  };
}

}  // namespace omnilink::actors
