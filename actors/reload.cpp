#include "actors/reload.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <algorithm>

#include "actors/captured_hops.hpp"
#include "actors/rules.hpp"
#include "actors/worker.hpp"
#include "io/log.hpp"

namespace omnilink::actors {
namespace {

namespace asio = boost::asio;
using lines = std::vector<std::string>;

bool same_place(const interceptor::listener_config& a, const interceptor::listener_config& b) {
  return a.kind == b.kind && interceptor::mechanism_of(a) == interceptor::mechanism_of(b) && a.where == b.where &&
         a.original_source == b.original_source;
}

bool same_rules(const interceptor::listener_config& a, const interceptor::listener_config& b) {
  return a.capture == b.capture && a.fail_closed == b.fail_closed && a.reject_udp == b.reject_udp;
}

asio::awaitable<void> use(worker& there, snapshot_ptr fresh, policy_ptr policy) {
  there.use(std::move(fresh), std::move(policy));
  co_return;
}

// Empty: the kernel's rules are as wanted.
lines replace_rules(control& home, const configuration& wanted) {
  if (!home.home || std::ranges::equal(home.settings->config.listeners, wanted.listeners, same_rules)) return {};
  const auto no = home.home->replace({static_cast<std::uint32_t>(home.workers.size()), wanted.host_loopback_ports, wanted.listeners});
  if (no) return {no->step + ": " + no->message};
  return {};
}

lines build(control& home, snapshot_ptr& into) {
  if (!home.settings->config.reload.read) return {"this service was started without a configuration to read again"};
  auto read = home.settings->config.reload.read();
  if (read.has_error()) return read.error();
  if (auto no = needs_restart(home.settings->config, *read); !no.empty()) return no;
  if (auto no = settle_connections(*read, home.beside); !no.empty()) return {std::move(no)};
  auto made = snapshot::make(std::move(*read), home.numbers);
  if (made.has_error()) return {made.error()};
  into = std::move(*made);
  return {};
}

void report(const lines& refused) {
  if (refused.empty()) return io::log::line(io::log::level::info, "reloaded");
  for (const auto& line : refused) io::log::line(io::log::level::error, "reload-refused", {{"reason", line}});
}

}  // namespace

lines needs_restart(const configuration& running, const configuration& wanted) {
  lines out;
  const auto differ = [&out](bool differs, const char* what) {
    if (differs) out.push_back(std::string{what} + " cannot change while the service runs; restart it");
  };
  differ(running.service.workers != wanted.service.workers, "[service] workers");
  differ(!std::ranges::equal(running.listeners, wanted.listeners, same_place), "the url of a [[listen]], its original_source, the direction of a cgroup listener, or their number");
  differ(running.nat.capacity != wanted.nat.capacity || running.nat.linger != wanted.nat.linger || running.nat.ttl != wanted.nat.ttl, "[nat]");
  differ(running.query_socket != wanted.query_socket, "[query] socket");
  differ(!asks_for_processes(running) && asks_for_processes(wanted), "that nothing asks for exe, process, pid or gid ([service] attribution too)");
  differ(running.admin_socket != wanted.admin_socket, "[admin] socket");
  differ(running.admin_http != wanted.admin_http, "[admin] http");
  return out;
}

asio::awaitable<void> put_to_use(control& home) {
  const policy_ptr policy = policy_of(*home.filters);
  for (worker* w : home.workers) {
    auto there = use(*w, home.settings, policy);
    co_await asio::co_spawn(w->execution.io(), std::move(there), asio::use_awaitable);
  }
}

asio::awaitable<lines> reload(control& home) {
  if (home.reloading) co_return lines{"a reload is under way; ask again"};
  home.reloading = true;
  snapshot_ptr fresh;
  lines refused = build(home, fresh);
  if (refused.empty()) refused = load_rules(*home.filters, fresh->config);
  // Last, since it cannot be taken back by not using it.
  if (refused.empty() && !(refused = replace_rules(home, fresh->config)).empty()) load_rules(*home.filters, home.settings->config);
  report(refused);
  const auto ended = home.settings->config.reload.ended;
  if (refused.empty()) {
    home.settings = fresh;
    home.memory.look();
    co_await put_to_use(home);
    say_captured_hops(home.settings->config);
  }
  if (ended) ended(refused.empty());
  home.reloading = false;
  co_return refused;
}

}  // namespace omnilink::actors
