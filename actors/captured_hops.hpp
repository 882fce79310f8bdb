// A hop that runs on this machine, and whose own connections one of our listeners takes: what it opens for us would come back to us, again
// and again. No packet says that it is such a loop, so what is certain at the start is said then.
#pragma once

#include "actors/configuration.hpp"

namespace omnilink::actors {

/// A line for each first hop that listens on this machine now and each listener that takes connections of its user's and control group's.
/// Nothing of captures that tell by program or group, since a socket does not know its own. Asks the kernel; for the control thread.
void say_captured_hops(const configuration& of);

}  // namespace omnilink::actors
