// `omnilink exec` as processes: FRONT is what the shell sees, MONITOR runs the service and outlives FRONT for
// as long as anything from the sandbox lives, and the sandbox's child becomes the command. FRONT passes on
// what a shell and its terminal have to say, and ends the way the command ended.
#pragma once

#include <boost/system/result.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "interceptor/installer.hpp"

namespace omnilink::cli {

struct exec_options {
  std::vector<std::string> command;  ///< argv; not empty
};

/// Shows one line on exec's stderr. From any thread; never blocks: a line is lost when the terminal does not
/// take it, or when FRONT has gone.
using report_line = std::function<void(std::string_view)>;
/// Ends the service, and returns when it has ended.
using end_service = std::function<void()>;
/// Starts the service on what the installer makes, in the MONITOR: a process without a terminal, whose
/// signals are blocked. The error is one line; the sandbox's own failures are told better by exec itself.
using start_service =
    std::function<boost::system::result<end_service, std::string>(interceptor::installer&, report_line)>;

/// Runs the command; its exit code, or the signal that ended it raised again, or 125 after one line on
/// stderr. Call it from the main thread while there is no other and no signal's disposition has been changed.
/// Every descriptor that is open now and has no close-on-exec belongs to the command: they are closed here,
/// and stdin and stdout become /dev/null for good. Who needs them afterwards calls it in a child.
int run_exec(const exec_options& options, const start_service& start);

}  // namespace omnilink::cli
