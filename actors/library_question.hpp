// A callout whose code is a library's: the connection waits while the program that the library is in is asked, and is ruled on again.
#pragma once

#include <optional>
#include <string>

#include "actors/ruling.hpp"
#include "actors/trip_report.hpp"
#include "interceptor/library.hpp"
#include "io/task.hpp"

namespace omnilink::actors {

/// Returns when the flow of `what` has an answer to the callout that has pended: the library's, or the configuration's in its place; or
/// when `slot` is canceled. `what.where` is where it goes by now.
io::task<> ask_library(worker& home, connection& slot, asked_connection what, const worker_settings& by);

/// ": the library did not answer in time" where that is why it was refused; otherwise empty.
std::string why_unanswered(const interceptor::filter::flow* of, const ruling& refused);

/// How it ended, where that is wanted.
void tell_library(interceptor::library& who, const trip_report& trip);

}  // namespace omnilink::actors
