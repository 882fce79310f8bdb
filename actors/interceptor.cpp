#include "actors/interceptor.hpp"

#include <stdexcept>

#include "actors/worker.hpp"
#include "io/accept.hpp"
#include "io/listen.hpp"

namespace omnilink::actors {

interceptor_role::behavior_type interceptor_role::make_behavior() {
  return {
      [this](start_atom) { return start(); },
      [this](name_atom, const core::address& where) { return std::string{home_.names.find(where)}; },
      [](fault_atom) { throw std::runtime_error{"injected fault"}; },
  };
}

// All sockets are open before the first one accepts, so a failure leaves nothing half-started.
start_report interceptor_role::start() {
  per_worker ready(home_.workers.size());
  if (auto error = install(ready); !error.empty()) return {std::move(error), {}};
  if (auto error = open_explicit(ready); !error.empty()) return {std::move(error), {}};
  home_.shared->own = interceptor::own_listeners{home_.listening};
  for (std::size_t w = 0; w < ready.size(); ++w) {
    for (auto& one : ready[w]) send(home_.shared->who.forwarder(w), listen_atom::value, std::move(one));
  }
  return {{}, home_.listening};
}

std::string interceptor_role::install(per_worker& out) {
  if (!home_.home) return {};
  const interceptor::plan wanted{static_cast<std::uint32_t>(home_.workers.size()),
                                 home_.shared->config.host_loopback_ports};
  auto installed = home_.home->install(wanted);
  if (installed.has_error()) return installed.error().step + ": " + installed.error().message;
  for (std::size_t w = 0; w < out.size(); ++w) {
    auto one = std::make_shared<listening>();
    one->kind = interceptor::listen_kind::redirect;
    one->netns = installed->netns;
    if (w < installed->redirect_v4.size()) one->sockets.push_back(std::move(installed->redirect_v4[w]));
    if (w < installed->redirect_v6.size()) one->sockets.push_back(std::move(installed->redirect_v6[w]));
    out[w].push_back(std::move(one));
  }
  home_.sock_diag = std::move(installed->sock_diag);
  home_.shared->sandbox_netns = installed->netns;
  home_.name_server = std::make_unique<interceptor::resolver>(home_.execution.io().get_executor(), home_.names);
  home_.name_server->serve(*installed);
  return {};
}

std::string interceptor_role::open_explicit(per_worker& out) {
  for (const auto& wanted : home_.shared->config.listeners) {
    auto sockets = io::open_listeners(wanted.where, static_cast<std::uint32_t>(home_.workers.size()));
    if (sockets.has_error()) return wanted.to_string() + ": " + sockets.error();
    home_.listening.push_back(io::bound_address(sockets->front().get()));
    for (std::size_t w = 0; w < out.size(); ++w) {
      auto one = std::make_shared<listening>();
      one->kind = wanted.kind;
      one->sockets.push_back(std::move((*sockets)[w]));
      out[w].push_back(std::move(one));
    }
  }
  return {};
}

}  // namespace omnilink::actors
