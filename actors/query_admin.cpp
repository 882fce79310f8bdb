// admin.sock: one request line, one JSON line back.
#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <nlohmann/json.hpp>

#include "actors/admin_reply.hpp"
#include "actors/asker_session.hpp"
#include "actors/control.hpp"
#include "actors/explain.hpp"
#include "actors/hop_monitor.hpp"
#include "actors/metrics.hpp"
#include "actors/reload.hpp"
#include "actors/rules.hpp"
#include "actors/rules_reply.hpp"
#include "actors/supervisor.hpp"
#include "actors/worker.hpp"
#include "wire/admin.hpp"

namespace omnilink::actors {
namespace {

namespace asio = boost::asio;

// Entries per message while a listing walks the shards.
constexpr std::uint64_t page_size = 1024;

struct administration {
  control& home;

  asio::awaitable<void> run(asker_session& one) {
    auto& socket = one.socket;
    wire::admin_request request;
    std::string problem;
    auto script = wire::admin_read_request(request, problem);
    while (!script.done()) {
      std::array<std::uint8_t, 512> in;
      const auto [error, size] = co_await socket.async_read_some(asio::buffer(in), plain_result);
      if (error) co_return;
      for (std::size_t taken = 0; taken < size && !script.done();) taken += script.feed({in.data() + taken, size - taken});
    }
    const bool understood = script.result() == core::errc::ok;
    std::string reply;
    if (understood) {
      reply = co_await act(request);
    } else {
      reply = reply_error(problem);
    }
    co_await asio::async_write(socket, asio::buffer(reply), plain_result);
    // The end closes this socket as well: the answer comes first.
    if (!understood) co_return;
    if (request.verb == wire::admin_verb::drain) end(control::phase::draining);
    if (request.verb == wire::admin_verb::stop) end(control::phase::stopping);
  }

  asio::awaitable<std::string> act(const wire::admin_request& request) {
    switch (request.verb) {
      case wire::admin_verb::version: co_return reply_version();
      case wire::admin_verb::nat_stats: co_return co_await nat_stats();
      case wire::admin_verb::nat_list: co_return co_await nat_list(request.limit);
      case wire::admin_verb::connections: co_return co_await connections(request.limit);
      case wire::admin_verb::connections_kill: co_return co_await kill(request.id);
      case wire::admin_verb::chains: co_return co_await chains();
      case wire::admin_verb::metrics: co_return co_await metrics();
      case wire::admin_verb::explain: co_return explain_one(request.about);
      case wire::admin_verb::rules_list: co_return rules(request.limit);
      case wire::admin_verb::rules_enable: co_return co_await set_enabled(request.id, true);
      case wire::admin_verb::rules_disable: co_return co_await set_enabled(request.id, false);
      case wire::admin_verb::reload: co_return co_await reload_now();
      case wire::admin_verb::drain:
      case wire::admin_verb::stop: co_return reply_ending(home.shared->connections.load());
    }
    co_return reply_error("not served");
  }

  asio::awaitable<std::string> reload_now() {
    const auto refused = co_await reload(home);
    co_return refused.empty() ? reply_reloaded() : reply_errors(refused);
  }

  // Not through the actors: what is counted must not seem less because one of them has just died.
  static asio::awaitable<worker_view> view_of(worker& there) { co_return there.view(); }
  static asio::awaitable<hop_marks> marks_of(worker& there) { co_return there.take_marks(); }

  asio::awaitable<worker_view> view() {
    worker_view all;
    for (worker* w : home.workers) {
      auto there = view_of(*w);
      all += co_await asio::co_spawn(w->execution.io(), std::move(there), asio::use_awaitable);
      auto marks = marks_of(*w);
      remember(home, co_await asio::co_spawn(w->execution.io(), std::move(marks), asio::use_awaitable));
    }
    // A reload may have come between.
    all.make_room(home.numbers.chains().size(), home.numbers.hops().size());
    co_return all;
  }

  asio::awaitable<std::string> chains() {
    const worker_view all = co_await view();
    co_return reply_chains(*home.settings, home.health, all, core::clock::now());
  }

  asio::awaitable<std::string> metrics() {
    const worker_view all = co_await view();
    co_return reply_metrics(metrics_text(home, all));
  }

  std::string explain_one(const wire::connection_question& about) const {
    const policy_ptr policy = policy_of(*home.filters);
    return reply(explain(policy.get(), home.settings->config.callouts, home.settings->router, about, core::clock::now()));
  }

  std::string rules(std::uint64_t limit) const { return reply(describe_rules(*home.filters, limit, core::clock::now())); }

  asio::awaitable<std::string> set_enabled(std::uint64_t id, bool enabled) {
    // Its filters may be taken back.
    if (home.reloading) co_return reply_error("a reload is under way; ask again");
    auto change = home.filters->begin();
    change.set_enabled(id, enabled);
    if (const auto refused = home.filters->commit(std::move(change)); !refused.empty()) co_return reply_errors(refused);
    std::string done = reply(describe_rule(*home.filters, id, core::clock::now()));
    co_await put_to_use(home);
    co_return done;
  }

  void end(control::phase how) {
    home.end_was_asked_for = true;
    want(home, how);
  }

  asio::awaitable<std::string> nat_stats() {
    nat::stats all;
    for (std::size_t w = 0; w < home.shared->who.workers(); ++w) {
      const nat_shard_actor shard = home.shared->who.shard(w);
      const auto one = co_await ask<nat::stats>(home.questions, shard, ask_timeout, stats_atom::value);
      if (one) all += *one;
    }
    co_return reply_nat_stats(all, home.shared->loops.load(), home.shared->denied.load());
  }

  asio::awaitable<std::string> nat_list(std::uint64_t limit) {
    nat_entries all;
    for (std::size_t w = 0; w < home.shared->who.workers() && all.size() < limit; ++w) {
      const nat_shard_actor shard = home.shared->who.shard(w);
      std::uint64_t cursor = 0;
      do {
        const std::uint64_t most = std::min<std::uint64_t>(page_size, limit - all.size());
        auto page = co_await ask<nat_page>(home.questions, shard, ask_timeout, list_atom::value, cursor, most);
        if (!page) break;
        std::move(page->entries.begin(), page->entries.end(), std::back_inserter(all));
        cursor = page->next;
      } while (cursor != 0 && all.size() < limit);
    }
    co_return reply_nat_list(all, core::clock::now());
  }

  asio::awaitable<std::string> connections(std::uint64_t limit) {
    connection_list all;
    for (std::size_t w = 0; w < home.shared->who.workers(); ++w) {
      const forwarder_actor forwarder = home.shared->who.forwarder(w);
      auto some = co_await ask<connection_list>(home.questions, forwarder, ask_timeout, list_atom::value);
      if (some) std::move(some->begin(), some->end(), std::back_inserter(all));
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    if (all.size() > limit) all.resize(limit);
    co_return reply_connections(all, core::clock::now());
  }

  asio::awaitable<std::string> kill(std::uint64_t id) {
    bool found = false;
    for (std::size_t w = 0; w < home.shared->who.workers() && !found; ++w) {
      const forwarder_actor forwarder = home.shared->who.forwarder(w);
      const auto there = co_await ask<bool>(home.questions, forwarder, ask_timeout, kill_atom::value, id);
      found = there.value_or(false);
    }
    co_return reply_killed(found);
  }
};

}  // namespace

asio::awaitable<void> serve_admin(control& home, std::shared_ptr<asker_session> one) {
  administration here{home};
  co_await here.run(*one);
}

}  // namespace omnilink::actors
