// Counters, gauges and histograms in the text format of Prometheus, made when somebody asks. Base units: seconds, bytes. Every
// label comes from the configuration or from an enum, so their number is bounded; no address of a client or target is one.
#pragma once

#include <string>

#include "actors/control.hpp"
#include "actors/worker.hpp"

namespace omnilink::actors {

/// On control. `all` is the sum over the workers.
std::string metrics_text(const control& home, const worker_view& all);

}  // namespace omnilink::actors
