#include "actors/accept_loop.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <new>

#include "actors/trip.hpp"
#include "io/accept.hpp"
#include "io/descriptor_limit.hpp"
#include "io/log.hpp"

namespace omnilink::actors {
namespace {

namespace asio = boost::asio;
constexpr auto plain_result = asio::as_tuple(asio::use_awaitable);

// Connections taken per readiness event, before the worker looks at its other sockets.
constexpr int accept_batch = 64;
// At the end of accepting: more than any listen queue holds (net.core.somaxconn is 4096).
constexpr int accept_all = 65536;

void admit(worker& home, const accepting& from, const asio::ip::tcp& protocol, io::descriptor fd) {
  boost::system::error_code refused;
  asio::ip::tcp::socket accepted{home.execution.io()};
  accepted.assign(protocol, fd.get(), refused);
  if (refused) {
    io::log::at_most_once_a_second(io::log::level::error, "accept-failed", {{"errno", refused.value()}});
    return;
  }
  [[maybe_unused]] const int taken = fd.release();
  if (home.shared.connections.load(std::memory_order_relaxed) >= home.settings->config().service.max_connections) {
    io::log::at_most_once_a_second(io::log::level::warn, "connection-limit",
                                   {{"max_connections", home.settings->config().service.max_connections}});
    boost::system::error_code ignored;
    accepted.set_option(asio::socket_base::linger{true, 0}, ignored);
    accepted.close(ignored);  // Asio's destructor would take the option back
    return;
  }
  asio::co_spawn(home.execution.io(), run_trip(home, from.way, std::move(accepted)), asio::detached);
}

// 0: go on waiting; otherwise the errno that needs a pause. What was the last before the reserve of descriptors is still served.
int accept_some(worker& home, const accepting& from, int most) {
  boost::system::error_code ignored;
  const auto protocol = from.socket->local_endpoint(ignored).protocol();
  int failed = 0;
  for (int i = 0; i < most; ++i) {
    io::accepted one = io::accept_one(from.socket->native_handle());
    if (one.none_left) return 0;
    if (one.exhausted) return one.system_errno;
    if (!one.socket) {
      failed = one.system_errno;  // that one connection's, as a rule; of a whole batch it is the system's
      continue;
    }
    failed = 0;
    home.pause.accepted();
    const bool last = io::in_descriptor_reserve(one.socket.get());
    admit(home, from, protocol, std::move(one.socket));
    if (last) return EMFILE;
  }
  return failed;
}

// Another one of this worker's listeners may have begun the pause; only who accepts again finds out whether it is over.
asio::awaitable<void> pause(worker& home) {
  do {
    co_await home.pause.wait();
    io::keep_descriptor_reserve();  // the limit may be another one by now
  } while (io::only_reserve_is_left() && !home.acceptors.empty());
}

asio::awaitable<void> accept_loop(worker& home, accepting from) {
  while (from.socket->is_open()) {
    const auto [error] = co_await from.socket->async_wait(asio::ip::tcp::acceptor::wait_read, plain_result);
    if (error || !from.socket->is_open()) break;
    int exhausted = 0;
    if (!home.pause.running()) {
      try {
        exhausted = accept_some(home, from, accept_batch);
      } catch (const std::bad_alloc&) {
        exhausted = ENOMEM;  // that connection is lost; the listener is not
      }
      if (exhausted == 0) continue;
      io::log::at_most_once_a_second(io::log::level::error, "accept-failed", {{"errno", exhausted}, {"reason", std::strerror(exhausted)}});
    }
    co_await pause(home);
  }
}

}  // namespace

void accept_from(worker& home, listening& from) {
  for (io::descriptor& socket : from.sockets) {
    const bool v6 = io::bound_address(socket.get()).address.is_v6();
    const auto protocol = v6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4();
    auto acceptor = std::make_shared<asio::ip::tcp::acceptor>(home.execution.io(), protocol, socket.release());
    home.acceptors.push_back({std::move(acceptor), from.way});
    asio::co_spawn(home.execution.io(), accept_loop(home, home.acceptors.back()), asio::detached);
  }
  from.sockets.clear();
}

void stop_accepting(worker& home) {
  for (const accepting& from : home.acceptors) {
    // Those in the queue are connected as far as their programs know, and may have sent all they had to say.
    accept_some(home, from, accept_all);
    boost::system::error_code ignored;
    from.socket->close(ignored);
  }
  home.acceptors.clear();
  home.pause.cancel();
}

}  // namespace omnilink::actors
