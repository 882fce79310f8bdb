// What happens in the sandbox's child process, from fork to execve: the only place that unshares, and the
// only one that the command is started from.
#pragma once

#include "interceptor/sandbox.hpp"

namespace omnilink::interceptor {

/// Waits for the plan, makes the sandbox around this process, hands out its sockets, waits for the word to
/// go, and becomes the command. Ends with 125 when anything before that fails (said over `channel`) or the
/// other side goes away, 127 when the command is not found, 126 when it cannot be executed. `parent` is the
/// process that must not die.
[[noreturn]] void run_sandbox_child(io::descriptor channel, const sandbox::options& wanted, pid_t parent);

}  // namespace omnilink::interceptor
