#include "actors/administration.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "actors/admin_reply.hpp"
#include "actors/explain.hpp"
#include "actors/hop_monitor.hpp"
#include "actors/metrics.hpp"
#include "actors/nat_totals.hpp"
#include "actors/reload.hpp"
#include "actors/rules.hpp"
#include "actors/rules_reply.hpp"
#include "actors/supervisor.hpp"
#include "actors/worker.hpp"

namespace omnilink::actors {
namespace {

namespace asio = boost::asio;
using ended = administration::outcome::kind;

// Entries per message while a listing walks the shards.
constexpr std::uint64_t page_size = 1024;
// A listing's cursor is the shard and the cursor in that.
constexpr unsigned shard_shift = 32;

administration::outcome answered(std::string reply) { return {std::move(reply), ended::done}; }
administration::outcome not_answered(const std::string& why) { return {reply_error(why), ended::failed}; }
administration::outcome shard_failed() { return not_answered("a part of the table did not answer; ask again"); }

// Not through the actors: what is counted must not seem less because one of them has just died.
asio::awaitable<worker_view> view_of(worker& there) { co_return there.view(); }
asio::awaitable<hop_marks> marks_of(worker& there) { co_return there.take_marks(); }

}  // namespace

administration::answer administration::act(const wire::admin_request& request) {
  using verb = wire::admin_verb;
  switch (request.verb) {
    case verb::version: co_return answered(reply_version());
    case verb::nat_stats: co_return co_await nat_stats();
    case verb::nat_list: co_return co_await nat_list(request.limit, request.cursor);
    case verb::nat_find: co_return co_await nat_find(request.source);
    case verb::nat_delete: co_return co_await nat_delete(request.source);
    case verb::connections: co_return co_await connections(request.limit);
    case verb::connections_kill: co_return co_await kill(request.id);
    case verb::chains: co_return co_await chains();
    case verb::metrics: co_return answered(reply_metrics(co_await metrics_document()));
    case verb::explain: co_return explain_one(request.about);
    case verb::rules_list: co_return rules(request.limit);
    case verb::rules_enable: co_return co_await set_enabled(request.id, true);
    case verb::rules_disable: co_return co_await set_enabled(request.id, false);
    case verb::reload: co_return co_await reload_now();
    case verb::drain:
    case verb::stop: co_return answered(reply_ending(home_.shared->connections.load()));
  }
  co_return not_answered("not served");
}

void administration::conclude(const wire::admin_request& request) {
  const bool drains = request.verb == wire::admin_verb::drain;
  if (!drains && request.verb != wire::admin_verb::stop) return;
  home_.end_was_asked_for = true;
  want(home_, drains ? control::phase::draining : control::phase::stopping);
}

administration::answer administration::reload_now() {
  const auto refused = co_await reload(home_);
  co_return refused.empty() ? answered(reply_reloaded()) : outcome{reply_errors(refused), ended::refused};
}

asio::awaitable<worker_view> administration::view() {
  worker_view all;
  for (worker* w : home_.workers) {
    auto there = view_of(*w);
    all += co_await asio::co_spawn(w->execution.io(), std::move(there), asio::use_awaitable);
    auto marks = marks_of(*w);
    remember(home_, co_await asio::co_spawn(w->execution.io(), std::move(marks), asio::use_awaitable));
  }
  // A reload may have come between.
  all.make_room(home_.numbers.chains().size(), home_.numbers.hops().size());
  co_return all;
}

administration::answer administration::chains() {
  const worker_view all = co_await view();
  co_return answered(reply_chains(*home_.settings, home_.health, all, core::clock::now()));
}

asio::awaitable<std::string> administration::metrics_document() {
  const worker_view all = co_await view();
  co_return metrics_text(home_, all);
}

administration::outcome administration::explain_one(const wire::connection_question& about) const {
  const policy_ptr policy = policy_of(*home_.filters);
  return answered(reply(explain(policy.get(), home_.settings->config.callouts, home_.settings->router, about, core::clock::now())));
}

administration::outcome administration::rules(std::uint64_t limit) const { return answered(reply(describe_rules(*home_.filters, limit, core::clock::now()))); }

administration::answer administration::set_enabled(std::uint64_t id, bool enabled) {
  // Its filters may be taken back.
  if (home_.reloading) co_return outcome{reply_error("a reload is under way; ask again"), ended::refused};
  auto change = home_.filters->begin();
  change.set_enabled(id, enabled);
  if (const auto refused = home_.filters->commit(std::move(change)); !refused.empty()) co_return outcome{reply_errors(refused), ended::refused};
  std::string described = reply(describe_rule(*home_.filters, id, core::clock::now()));
  co_await put_to_use(home_);
  co_return answered(std::move(described));
}

administration::answer administration::nat_stats() {
  const auto all = co_await nat_totals(home_);
  if (!all) co_return shard_failed();
  co_return answered(reply_nat_stats(*all, home_.shared->loops.load(), home_.shared->denied.load()));
}

administration::answer administration::nat_list(std::uint64_t limit, std::uint64_t cursor) {
  nat_entries all;
  std::uint64_t shard = cursor >> shard_shift, inside = cursor & ((std::uint64_t{1} << shard_shift) - 1);
  while (shard < home_.shared->who.workers() && all.size() < limit) {
    const nat_shard_actor who = home_.shared->who.shard(shard);
    const std::uint64_t most = std::min<std::uint64_t>(page_size, limit - all.size());
    auto page = co_await ask<nat_page>(home_.questions, who, ask_timeout, list_atom::value, inside, most);
    if (!page) co_return shard_failed();
    std::move(page->entries.begin(), page->entries.end(), std::back_inserter(all));
    inside = page->next;
    if (inside == 0) ++shard;
  }
  const bool ended = shard >= home_.shared->who.workers();
  co_return answered(reply_nat_list(all, core::clock::now(), ended ? 0 : shard << shard_shift | inside));
}

asio::awaitable<std::optional<nat_results>> administration::in_shard(const nat_request& wanted) {
  const auto count = static_cast<std::uint32_t>(home_.shared->who.workers());
  const nat_shard_actor who = home_.shared->who.shard(core::shard_of(wanted.key.source.port, count));
  const nat_requests one{wanted};
  co_return co_await ask<nat_results>(home_.questions, who, ask_timeout, act_atom::value, one);
}

administration::answer administration::nat_find(const core::endpoint& source) {
  nat_request wanted{nat_request::kind::find_source, {}};
  wanted.key.source = source;
  const auto found = co_await in_shard(wanted);
  if (!found) co_return shard_failed();
  const nat_entries& flows = found->front().flows;
  co_return outcome{reply_nat_list(flows, core::clock::now(), 0), flows.empty() ? ended::missing : ended::done};
}

administration::answer administration::nat_delete(const core::endpoint& source) {
  nat_request wanted{nat_request::kind::erase_source, {}};
  wanted.key.source = source;
  const auto came = co_await in_shard(wanted);
  if (!came) co_return shard_failed();
  const nat_result& result = came->front();
  if (result.erased == 0 && result.code == core::errc::permission_denied) {
    co_return outcome{reply_error("omnilink carries that connection, and it lives: end it with connections kill"), ended::refused};
  }
  co_return outcome{reply_deleted(result.erased), result.erased == 0 ? ended::missing : ended::done};
}

administration::answer administration::connections(std::uint64_t limit) {
  connection_list all;
  for (std::size_t w = 0; w < home_.shared->who.workers(); ++w) {
    const forwarder_actor forwarder = home_.shared->who.forwarder(w);
    auto some = co_await ask<connection_list>(home_.questions, forwarder, ask_timeout, list_atom::value);
    if (some) std::move(some->begin(), some->end(), std::back_inserter(all));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  if (all.size() > limit) all.resize(limit);
  co_return answered(reply_connections(all, core::clock::now()));
}

administration::answer administration::kill(std::uint64_t id) {
  bool found = false;
  for (std::size_t w = 0; w < home_.shared->who.workers() && !found; ++w) {
    const forwarder_actor forwarder = home_.shared->who.forwarder(w);
    const auto there = co_await ask<bool>(home_.questions, forwarder, ask_timeout, kill_atom::value, id);
    found = there.value_or(false);
  }
  co_return outcome{reply_killed(found), found ? ended::done : ended::missing};
}

}  // namespace omnilink::actors
