// The access line: one per connection, when it has ended.
#pragma once

#include "actors/configuration.hpp"
#include "actors/trip_report.hpp"

namespace omnilink::actors {

/// What the log may say of a destination.
std::string shown(const std::string& destination, configuration::destinations how);

/// Writes the line, and calls configuration::report_trip. Never blocks.
void log_access(const trip_report& trip, const configuration& config);

}  // namespace omnilink::actors
