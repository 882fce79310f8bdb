// A worker's accept loops, one coroutine per listening socket. Accepting never waits for a handshake (C2).
#pragma once

#include "actors/worker.hpp"

namespace omnilink::actors {

/// Takes the sockets and accepts on them until stop_accepting().
void accept_from(worker& home, listening& from);

/// Closes every listening socket of the worker.
void stop_accepting(worker& home);

}  // namespace omnilink::actors
