#include "actors/supervisor.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <stdexcept>

#include "actors/forwarder.hpp"
#include "actors/hop_monitor.hpp"
#include "actors/interceptor.hpp"
#include "actors/nat_shard.hpp"
#include "actors/query_endpoint.hpp"
#include "actors/worker.hpp"
#include "io/log.hpp"

namespace omnilink::actors {
namespace {

// An actor that dies this often is not healed by another start; the service ends rather than limp.
constexpr std::size_t restarts_max = 20;
constexpr core::nanoseconds restarts_window = std::chrono::minutes{1};

void count_restart(control& home) {
  home.shared->restarts.fetch_add(1);
  home.shared->restarts.notify_all();
}

std::string reason_text(caf::actor_system& system, const caf::error& reason) { return system.render(reason); }

}  // namespace

supervisor::supervisor(caf::actor_config& config, control& home) : pinned{config, home.execution}, home_{home} {}

supervisor::behavior_type supervisor::make_behavior() {
  set_down_handler([this](caf::down_msg& down) { replace(down.source, down.reason); });
  // After the death of its predecessor there are children already; a dead one is reported at once.
  for (const auto& child : home_.children) monitor(child.who);
  // What its predecessor was told, or would have been.
  if (home_.wanted == control::phase::draining) drain();
  if (home_.wanted == control::phase::stopping) stop();
  return {
      [this](start_atom) { return start(); },
      [this](drain_atom) { drain(); },
      [this](stop_atom) { stop(); },
      [this](drained_atom, std::uint32_t which) { worker_drained(which); },
      [](fault_atom) { throw std::runtime_error{"injected fault"}; },
  };
}

// Accepting comes last: shards and forwarders, then the sockets that answer questions, then the ways in.
caf::result<start_report> supervisor::start() {
  spawn_children();
  auto promise = make_response_promise<start_report>();
  const auto fail = [promise](const caf::error& error) mutable {
    promise.deliver(start_report{"the service could not start: " + caf::to_string(error), {}});
  };
  request(home_.shared->who.query_endpoint(), caf::infinite, start_atom::value)
      .then(
          [this, promise, fail](const start_report& sockets) mutable {
            if (!sockets.error.empty()) {
              promise.deliver(sockets);
              return;
            }
            request(home_.shared->who.interceptor(), caf::infinite, start_atom::value)
                .then(
                    [this, promise](start_report& ways_in) mutable {
                      const bool starting = home_.now == control::phase::starting;
                      if (ways_in.error.empty() && starting) home_.now = control::phase::running;
                      promise.deliver(std::move(ways_in));
                    },
                    fail);
          },
          fail);
  return promise;
}

void supervisor::spawn_children() {
  directory& who = home_.shared->who;
  for (worker* w : home_.workers) {
    const std::string number = " " + std::to_string(w->index);
    add_child("nat_shard" + number, [this_system = &home_.system, &who, w] {
      auto fresh = this_system->spawn<nat_shard>(*w);
      who.set_shard(w->index, fresh);
      return caf::actor_cast<caf::actor>(fresh);
    });
    add_child("forwarder" + number, [this_system = &home_.system, &who, w] {
      auto fresh = this_system->spawn<forwarder>(*w);
      who.set_forwarder(w->index, fresh);
      return caf::actor_cast<caf::actor>(fresh);
    });
  }
  add_child("hop_monitor", [&home = home_, &who] {
    auto fresh = home.system.spawn<hop_monitor>(home);
    who.set_hop_monitor(fresh);
    return caf::actor_cast<caf::actor>(fresh);
  });
  add_child("query_endpoint", [&home = home_, &who] {
    auto fresh = home.system.spawn<query_endpoint>(home);
    who.set_query_endpoint(fresh);
    return caf::actor_cast<caf::actor>(fresh);
  });
  add_child("interceptor", [&home = home_, &who] {
    auto fresh = home.system.spawn<interceptor_role>(home);
    who.set_interceptor(fresh);
    return caf::actor_cast<caf::actor>(fresh);
  });
}

void supervisor::add_child(std::string what, std::function<caf::actor()> spawn) {
  home_.children.push_back({spawn(), std::move(what), std::move(spawn)});
  monitor(home_.children.back().who);
}

void supervisor::replace(const caf::actor_addr& dead, const caf::error& reason) {
  if (home_.now == control::phase::finished) return;
  const auto child = std::find_if(home_.children.begin(), home_.children.end(),
                                  [&](const auto& c) { return c.who.address() == dead; });
  if (child == home_.children.end()) return;
  io::log::line(io::log::level::error, "actor-restarted",
                {{"actor", child->what}, {"reason", reason_text(home_.system, reason)}});
  if (restarts_too_often()) {
    io::log::line(io::log::level::error, "actors-keep-dying", {{"actor", child->what}});
    want(home_, control::phase::stopping);
  }
  child->who = child->respawn();
  monitor(child->who);
  count_restart(home_);
  if (home_.now >= control::phase::draining) tell_forwarders_to_end();
}

bool supervisor::restarts_too_often() {
  const auto now = core::clock::now();
  auto& recent = home_.restarts;
  std::erase_if(recent, [now](core::instant when) { return now - when > restarts_window; });
  recent.push_back(now);
  return recent.size() > restarts_max;
}

void supervisor::tell_forwarders_to_end() {
  for (std::size_t i = 0; i < home_.workers.size(); ++i) {
    send(home_.shared->who.forwarder(i), drain_atom::value);
    if (home_.now == control::phase::stopping) send(home_.shared->who.forwarder(i), kill_atom::value);
  }
}

void supervisor::drain() {
  if (home_.now > control::phase::draining) return;
  home_.now = control::phase::draining;
  if (home_.home) home_.home->remove();  // nothing new is sent here; what is in the queues still counts
  if (home_.drain_deadline.armed()) return tell_forwarders_to_end();
  io::log::line(io::log::level::info, "draining",
                {{"connections", home_.shared->connections.load()},
                 {"timeout_ms", core::to_milliseconds(home_.settings->config.service.drain_timeout)}});
  home_.drain_deadline.arm(core::clock::now() + home_.settings->config.service.drain_timeout, [&home = home_] { want(home, control::phase::stopping); });
  tell_forwarders_to_end();
}

void supervisor::stop() {
  if (home_.now == control::phase::finished) return;
  home_.now = control::phase::stopping;
  if (home_.home) home_.home->remove();
  home_.drain_deadline.disarm();
  if (home_.name_server) home_.name_server->stop();
  if (home_.queries) home_.queries->stop();
  home_.resolver.stop();
  tell_forwarders_to_end();
}

void supervisor::worker_drained(std::uint32_t which) {
  if (which >= home_.drained.size()) return;
  home_.drained[which] = true;
  const bool all = std::all_of(home_.drained.begin(), home_.drained.end(), [](bool one) { return one; });
  if (!all || home_.now == control::phase::finished) return;
  stop();  // after a drain the rest is still to be closed
  home_.now = control::phase::finished;
  home_.on_finished();
}

void want(control& home, control::phase what) {
  home.wanted = std::max(home.wanted, what);
  if (what == control::phase::draining) caf::anon_send(home.shared->who.supervisor(), drain_atom::value);
  if (what == control::phase::stopping) caf::anon_send(home.shared->who.supervisor(), stop_atom::value);
}

void spawn_supervisor(control& home) {
  auto fresh = home.system.spawn<supervisor>(home);
  home.shared->who.set_supervisor(fresh);
  // Nobody watches the watcher but this: whoever dies last says it here, on whichever thread that is.
  fresh->attach_functor([&home](const caf::error& reason) {
    boost::asio::post(home.execution.io(), [&home, reason] {
      if (home.now == control::phase::finished) return;
      io::log::line(io::log::level::error, "actor-restarted",
                    {{"actor", "supervisor"}, {"reason", reason_text(home.system, reason)}});
      spawn_supervisor(home);
      count_restart(home);
    });
  });
}

}  // namespace omnilink::actors
