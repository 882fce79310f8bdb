#include "actors/accept_loop.hpp"

#include <cerrno>
#include <cstring>
#include <new>

#include "actors/trip.hpp"
#include "io/accept.hpp"
#include "io/descriptor_limit.hpp"
#include "io/log.hpp"

namespace omnilink::actors {
namespace {

// Connections taken per readiness event, before the worker looks at its other sockets.
constexpr int accept_batch = 64;
// At the end of accepting: more than any listen queue holds (net.core.somaxconn is 4096).
constexpr int accept_all = 65536;

const char* slug_of(over_limit which) {
  switch (which) {
    case over_limit::none:
    case over_limit::connections: break;
    case over_limit::connections_of_source: return "source-limit";
    case over_limit::handshakes: return "handshake-limit";
    case over_limit::handshakes_of_source: return "source-handshake-limit";
  }
  return "connection-limit";
}

void admit(worker& home, const accepting& from, io::accepted fresh) {
  const service_settings& settings = home.settings->config().service;
  const bool asks_client = !from.way.by && from.way.kind != interceptor::listen_kind::tcp;
  auto decided = home.shared.gate.decide(fresh.source.address, asks_client, settings, home.random);
  if (decided.over != over_limit::none) {
    io::reset(std::move(fresh.socket));
    io::log::at_most_once_a_second(io::log::level::warn, slug_of(decided.over),
                                   {{"limit", name_of(decided.over)}, {"source", fresh.source.address.to_string()}});
    return;
  }
  // A socket of a listener with an address has the same one, but where packets are left as they are its client's destination.
  const bool differs = from.bound.address.is_unspecified() || (from.way.by && core::keeps_destination(*from.way.by));
  const core::endpoint local = differs ? io::bound_address(fresh.socket.get()) : from.bound;
  const core::flow_key key{core::protocol::tcp, fresh.source, local, from.way.netns};
  ++home.counted.accepted[tally::place_of(from.way.listener)];
  io::tcp_socket accepted{home.execution.io(), std::move(fresh.socket)};
  begin_trip(home, from.way, key, std::move(accepted), std::move(decided.held));
}

// Of ours: memory is short.
constexpr int waits_for_memory = -1;

// 0: go on waiting; otherwise the errno that needs a pause. What was the last before the reserve of descriptors is still served.
int accept_some(worker& home, const accepting& from, int most) {
  int failed = 0;
  for (int i = 0; i < most; ++i) {
    if (home.shared.gate.must_wait()) return waits_for_memory;
    io::accepted one = io::accept_one(from.socket->native_handle());
    if (one.none_left) {
      from.socket->known().exhausted(io::event::read);
      return 0;
    }
    if (one.exhausted) return one.system_errno;
    if (!one.socket) {
      failed = one.system_errno;  // that one connection's, as a rule; of a whole batch it is the system's
      continue;
    }
    failed = 0;
    home.pause.accepted();
    const bool last = io::in_descriptor_reserve(one.socket.get());
    admit(home, from, std::move(one));
    if (last) return EMFILE;
  }
  return failed;
}

void say_why(const worker& home, int exhausted) {
  if (exhausted == waits_for_memory) {
    io::log::at_most_once_a_second(io::log::level::warn, "memory-short", {{"connections", home.shared.connections.load()}});
  } else if (exhausted != 0) {
    io::log::at_most_once_a_second(io::log::level::error, "accept-failed", {{"errno", exhausted}, {"reason", std::strerror(exhausted)}});
  }
}

// Another one of this worker's listeners may have begun the pause; only who accepts again finds out whether it is over.
io::task<> pause(worker& home, int exhausted) {
  do {
    say_why(home, exhausted);
    co_await home.pause.wait();
    io::keep_descriptor_reserve();  // the limit may be another one by now
  } while (io::only_reserve_is_left() && !home.acceptors.empty());
}

io::task<> accept_loop(worker& home, accepting from) {
  while (from.socket->is_open()) {
    const core::errc waited = co_await from.socket->wait(io::event::read);
    if (!from.socket->is_open()) break;
    int exhausted = waited == core::errc::ok ? 0 : ENOMEM;
    if (exhausted == 0 && !home.pause.running()) {
      try {
        exhausted = accept_some(home, from, accept_batch);
      } catch (const std::bad_alloc&) {
        exhausted = ENOMEM;  // that connection is lost; the listener is not
      }
      if (exhausted == 0) continue;
    }
    ++home.counted.accept_pauses;
    co_await pause(home, exhausted);
  }
}

}  // namespace

void accept_from(worker& home, listening& from) {
  home.counted.accepted.resize(std::max(home.counted.accepted.size(), tally::place_of(from.way.listener) + 1));
  for (io::descriptor& socket : from.sockets) {
    const core::endpoint bound = io::bound_address(socket.get());
    auto acceptor = std::make_shared<io::tcp_socket>(home.execution.io(), std::move(socket));
    home.acceptors.push_back({std::move(acceptor), bound, from.way});
    io::start(accept_loop(home, home.acceptors.back()));
  }
  from.sockets.clear();
}

void stop_accepting(worker& home) {
  for (const accepting& from : home.acceptors) {
    // Those in the queue are connected as far as their programs know, and may have sent all they had to say.
    accept_some(home, from, accept_all);
    from.socket->close();
  }
  home.acceptors.clear();
  home.pause.cancel();
}

}  // namespace omnilink::actors
