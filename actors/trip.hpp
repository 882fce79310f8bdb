// The trip of one connection, from accept to the last byte: where it wanted to go, the NAT entry, the chain, the dial, the
// client's answer, the relay, one line in the log. A coroutine on its worker; an exception in it ends this connection only.
#pragma once

#include "actors/worker.hpp"
#include "io/tcp_socket.hpp"

namespace omnilink::actors {

/// `held` is given back when the connection has ended.
void begin_trip(worker& home, const way_in& by, const core::flow_key& key, io::tcp_socket accepted, admission::place held);

}  // namespace omnilink::actors
