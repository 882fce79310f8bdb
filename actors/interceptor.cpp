#include "actors/interceptor.hpp"

#include <stdexcept>

#include "actors/captured_hops.hpp"
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
  if (auto error = open_listeners(ready); !error.empty()) return {std::move(error), {}};
  for (std::size_t w = 0; w < ready.size(); ++w) {
    for (auto& one : ready[w]) send(home_.shared->who.forwarder(w), listen_atom::value, std::move(one));
  }
  say_captured_hops(home_.settings->config);
  return {{}, home_.listening};
}

std::string interceptor_role::install(per_worker& out) {
  if (!home_.home) return {};
  const configuration& config = home_.settings->config;
  const interceptor::plan wanted{static_cast<std::uint32_t>(home_.workers.size()), config.host_loopback_ports,
                                 config.listeners};
  auto installed = home_.home->install(wanted);
  if (installed.has_error()) return installed.error().step + ": " + installed.error().message;
  opened_ = std::move(installed->listeners);
  if (installed->processes) home_.shared->programs.use_netd(std::move(installed->processes));
  home_.shared->sources = std::move(installed->sources);
  if (!installed->redirect_v4.empty()) serve_sandbox(*installed, out);
  return {};
}

void interceptor_role::serve_sandbox(interceptor::installation& from, per_worker& out) {
  for (std::size_t w = 0; w < out.size(); ++w) {
    auto one = std::make_shared<listening>();
    one->way = {interceptor::listen_kind::redirect, core::mechanism::redirect, way_in::unnamed, from.netns};
    if (w < from.redirect_v4.size()) one->sockets.push_back(std::move(from.redirect_v4[w]));
    if (w < from.redirect_v6.size()) one->sockets.push_back(std::move(from.redirect_v6[w]));
    out[w].push_back(std::move(one));
  }
  home_.shared->programs.use_sandbox(from.netns, std::move(from.sock_diag));
  home_.shared->sandbox_netns = from.netns;
  home_.name_server = std::make_unique<interceptor::resolver>(home_.execution.io().get_executor(), home_.names);
  home_.name_server->serve(from);
}

// Those that the installer opened already, and ours.
std::string interceptor_role::open_listeners(per_worker& out) {
  const auto& wanted = home_.settings->config.listeners;
  opened_.resize(wanted.size());
  endpoint_list all;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto& sockets = opened_[i];
    if (sockets.origins) home_.shared->origins = std::move(sockets.origins);
    if (sockets.exe_paths) home_.shared->exe_paths = std::move(sockets.exe_paths);
    if (sockets.v4.empty() && sockets.v6.empty()) {
      auto made = io::open_listeners(wanted[i].where, static_cast<std::uint32_t>(home_.workers.size()));
      if (made.has_error()) return wanted[i].to_string() + ": " + made.error();
      (wanted[i].where.address.is_v6() ? sockets.v6 : sockets.v4) = std::move(*made);
    }
    const auto first = all.size();
    const auto& some = sockets.v4.empty() ? sockets.v6 : sockets.v4;
    home_.shared->own_netns = io::netns_cookie(some.front().get());
    for (const auto* group : {&sockets.v4, &sockets.v6}) {
      if (!group->empty()) all.push_back(io::bound_address(group->front().get()));
    }
    home_.listening.push_back(all[first]);
    for (std::size_t w = 0; w < out.size(); ++w) {
      auto one = std::make_shared<listening>();
      one->way = {wanted[i].kind, interceptor::mechanism_of(wanted[i]), i, 0};
      for (auto* group : {&sockets.v4, &sockets.v6}) {
        if (!group->empty()) one->sockets.push_back(std::move((*group)[w]));
      }
      out[w].push_back(std::move(one));
    }
  }
  opened_.clear();
  if (const auto http = home_.queries ? home_.queries->http() : std::nullopt) all.push_back(*http);
  home_.shared->own = interceptor::own_listeners{std::move(all)};
  return {};
}

}  // namespace omnilink::actors
