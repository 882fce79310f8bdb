// Signals as something to wait for, beside everything else.
#pragma once

#include <initializer_list>

#include "io/descriptor.hpp"

namespace omnilink::io {

/// Blocks them, so that no thread of the process handles them any more, and makes them readable at the
/// descriptor (signalfd(2)). Call it before the first thread: the others inherit the mask.
descriptor catch_signals(std::initializer_list<int> wanted);

/// The next one that came; waits for it. 0: none could be read.
int next_signal(const descriptor& from) noexcept;

/// Ends the process by that signal, as if it had never been caught: whoever waits for it sees that. Returns
/// only where the signal does not end a process.
void end_by_signal(int signal) noexcept;

}  // namespace omnilink::io
