#include "actors/service.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "actors/control.hpp"
#include "actors/limits.hpp"
#include "actors/reload.hpp"
#include "actors/rules.hpp"
#include "actors/supervisor.hpp"
#include "actors/worker.hpp"
#include "io/descriptor.hpp"
#include "io/descriptor_limit.hpp"
#include "io/log.hpp"

namespace omnilink::actors {
namespace {

// Names in use at start-up are few; a start that takes longer than this has hung.
constexpr auto start_timeout = std::chrono::seconds{60};

class system_config final : public caf::actor_system_config {
 public:
  system_config() {
    // Every actor of ours is pinned to a unit. CAF's own scheduler carries nothing: one sleeping thread, no polling.
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", 1);
  }
};

std::uint32_t workers_of(const service_settings& settings) {
  const std::uint32_t wanted = settings.workers != 0 ? settings.workers : std::thread::hardware_concurrency();
  return std::clamp<std::uint32_t>(wanted, 1, workers_max);
}

boost::asio::awaitable<void> reload_once(control& home) {
  [[maybe_unused]] const auto refused = co_await reload(home);
}

}  // namespace

// Declared in the order in which things are needed; destroyed in the reverse of it.
struct service::impl {
  impl(configuration given, interceptor::installer* home)
      : given{std::move(given)}, home{home}, finished{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {}

  ~impl() { tear_down(); }

  configuration given;  // until start() makes a snapshot of it
  interceptor::installer* const home;
  io::descriptor finished;
  numbering numbers;
  snapshot_ptr settings;
  interceptor::filter::engine filters;
  descriptor_use beside;
  system_config caf_config;
  std::unique_ptr<caf::actor_system> system;
  std::unique_ptr<control> center;
  std::unique_ptr<directory> who;
  std::unique_ptr<io::password_checker> passwords;
  std::unique_ptr<interceptor::attribution> programs;
  std::unique_ptr<interceptor::library> library;
  std::unique_ptr<shared_state> shared;
  std::vector<std::unique_ptr<worker>> workers;
  std::vector<core::endpoint> listening;
  bool ended_as_asked = false;

  std::optional<std::string> start();
  void build();
  void ask_for(control::phase what);
  void tear_down();
};

std::optional<std::string> service::impl::start() {
  const bool sandboxed = home != nullptr && home->has_private_loopback();
  beside = {io::open_descriptors(), workers_of(given.service), static_cast<std::uint32_t>(given.listeners.size()) + (sandboxed ? 1 : 0)};
  const bool by_default = given.service.max_connections == 0;
  if (auto problem = settle_connections(given, beside); !problem.empty()) return problem;
  auto made = snapshot::make(std::move(given), numbers);
  if (made.has_error()) return made.error();
  settings = std::move(*made);
  if (auto wrong = load_rules(filters, settings->config); !wrong.empty()) return wrong.front();
  try {
    build();
  } catch (const std::exception& error) {
    tear_down();
    return std::string{"cannot start the threads (a limit of the user or the unit?): "} + error.what();
  }
  spawn_supervisor(*center);
  caf::scoped_actor self{*system};
  std::optional<std::string> problem;
  self->request(who->supervisor(), start_timeout, start_atom::value)
      .receive(
          [&](start_report& report) {
            if (!report.error.empty()) problem = std::move(report.error);
            listening = std::move(report.listening);
          },
          [&](caf::error& error) { problem = "the service did not start: " + system->render(error); });
  const std::uint32_t connections = settings->config.service.max_connections;
  if (!problem && by_default && connections < connections_default) say_fewer_connections(connections, beside);
  return problem;
}

void service::impl::build() {
  const std::uint32_t count = workers_of(settings->config.service);
  system = std::make_unique<caf::actor_system>(caf_config);
  who = std::make_unique<directory>(count);
  center = std::make_unique<control>(*system, numbers, home);
  passwords = std::make_unique<io::password_checker>();
  programs = std::make_unique<interceptor::attribution>();
  shared = std::make_unique<shared_state>(center->resolver, *passwords, *programs, *who);
  if (settings->config.library) library = std::make_unique<interceptor::library>(*settings->config.library);
  shared->library = library.get();
  center->shared = shared.get();
  center->settings = settings;
  center->filters = &filters;
  center->beside = beside;
  shared->sandboxed = home != nullptr && home->has_private_loopback();
  shared->redirects_here = home != nullptr && !home->has_private_loopback();
  center->drained.assign(count, false);
  center->on_finished = [fd = finished.get()] {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd, &one, sizeof one);
  };
  const std::size_t share = (settings->config.nat.capacity + count - 1) / count;
  for (std::uint32_t i = 0; i < count; ++i) {
    workers.push_back(std::make_unique<worker>(*system, i, *shared, settings, policy_of(filters), share));
    center->workers.push_back(workers.back().get());
    shared->workers.push_back(workers.back().get());
  }
  center->execution.start();
  boost::asio::post(center->execution.io(), [center = center.get()] { center->memory.look(); });
  for (const auto& w : workers) w->execution.start();
}

void service::impl::ask_for(control::phase what) {
  if (!system) return;
  boost::asio::post(center->execution.io(), [&center = *center, what] {
    center.end_was_asked_for = true;
    want(center, what);
  });
}

// Actors first, while their units still run; then the threads; then what the threads worked on.
void service::impl::tear_down() {
  if (!system) return;
  caf::actor_system& all = *system;
  exit_now(caf::actor_cast<caf::actor>(who->supervisor()));
  for (const auto& child : center->children) exit_now(child.who);
  exit_now(center->questions_alive);
  for (const auto& w : workers) exit_now(w->questions_alive);
  // Coroutines whose sockets were closed end where they live: control's first, since workers wait for its answers.
  center->execution.settle();
  for (const auto& w : workers) w->execution.settle();
  all.await_all_actors_done();
  center->execution.stop();
  for (const auto& w : workers) w->execution.stop();
  passwords.reset();  // its thread answers to workers, as do …
  programs.reset();
  library.reset();
  center->children.clear();
  workers.clear();
  shared.reset();
  who.reset();
  center.reset();
  system.reset();
}

service::service(configuration config, interceptor::installer* home)
    : impl_{std::make_unique<impl>(std::move(config), home)} {}

service::~service() {
  if (impl_->system) {
    stop();
    wait();
  }
}

std::optional<std::string> service::start() {
  auto problem = impl_->start();
  if (problem) {
    stop();
    wait();
  }
  return problem;
}

std::vector<core::endpoint> service::listening() const { return impl_->listening; }

std::optional<core::endpoint> service::admin_http() const { return impl_->center->queries->http(); }

void service::drain() {
  impl_->ask_for(control::phase::draining);
}

void service::stop() {
  impl_->ask_for(control::phase::stopping);
}

void service::reload() {
  if (!impl_->system) return;
  boost::asio::co_spawn(impl_->center->execution.io(), reload_once(*impl_->center), boost::asio::detached);
}

bool service::ended_as_asked() const noexcept { return impl_->ended_as_asked; }

void service::wait() {
  if (!impl_->system) return;
  pollfd done{impl_->finished.get(), POLLIN, 0};
  while (::poll(&done, 1, -1) < 0) {
  }
  impl_->ended_as_asked = impl_->center->end_was_asked_for;
  impl_->tear_down();
}

bool service::inject_fault(std::string_view actor) {
  const std::uint32_t before = impl_->shared->restarts.load();
  // The list changes with every restart, which this function waits for: nobody writes it now.
  const auto& children = impl_->center->children;
  const auto found = std::find_if(children.begin(), children.end(), [&](const auto& c) { return c.what == actor; });
  if (actor == "supervisor") {
    caf::anon_send(impl_->who->supervisor(), fault_atom::value);
  } else if (found != children.end()) {
    caf::anon_send(found->who, fault_atom::value);
  } else {
    return false;
  }
  impl_->shared->restarts.wait(before);
  return true;
}

int service::finished_fd() const noexcept { return impl_->finished.get(); }

}  // namespace omnilink::actors
