// query.sock: fixed-size questions, every answer filtered by who asks (invariant 10).
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "actors/asker_session.hpp"
#include "actors/control.hpp"
#include "actors/flow_answer.hpp"
#include "actors/nat_totals.hpp"
#include "actors/worker.hpp"
#include "io/accept.hpp"
#include "io/close_elsewhere.hpp"
#include "io/unix_socket.hpp"
#include "wire/nat_query.hpp"

namespace omnilink::actors {
namespace {

namespace asio = boost::asio;
using core::errc;
using wire::nat_answer;
using wire::nat_error;
using wire::nat_question;
using kind = nat_question::kind;

// Descriptors of askers that are still closing: until there are fewer, no more are taken.
constexpr std::size_t closing_max = 64;
constexpr std::chrono::milliseconds closing_pause{100};
// Questions of one asker that are looked up together; then it is another's turn.
constexpr std::size_t batch_max = 64;

// One question, and where its answer will be found.
struct question {
  struct place {
    std::size_t shard, number;
  };

  nat_question asked;
  nat_answer answer;
  std::uint64_t cookie = 0;     // by descriptor
  std::vector<place> looked_up;  // none: answered without, or not yet
  bool answered = false;

  void fail(nat_error why) {
    answer.what = nat_answer::status::error;
    answer.error = why;
    answered = true;
  }
};

class conversation {
 public:
  conversation(control& home, std::shared_ptr<asker_session> one) : home_{home}, one_{std::move(one)}, requests_(home.workers.size()), results_(home.workers.size()) {}

  asio::awaitable<void> run() {
    while (co_await listen()) {
      co_await look_up();
      for (question& q : batch_) {
        if (!q.answered) co_await answer(q);
        q.answer.token = q.asked.token;
      }
      if (!co_await reply()) break;
      begin_events();
    }
    if (!one_->events) co_return;
    one_->close();
    home_.feed.unsubscribe(one_->events);
    one_->events.reset();
  }

 private:
  // What has arrived, at least one; false: the asker is gone.
  asio::awaitable<bool> listen() {
    batch_.clear();
    for (auto& one : requests_) one.clear();
    for (;;) {
      const auto [error] = co_await one_->socket.async_wait(asker_session::channel::wait_read, plain_result);
      if (error) co_return false;
      one_->touch();
      while (io::closes_under_way() >= closing_max) {
        asio::steady_timer pause{home_.execution.io(), closing_pause};
        co_await pause.async_wait(plain_result);
      }
      const core::instant now = core::clock::now();
      while (batch_.size() < batch_max) {
        // One byte more than the longest: a longer message shows as too long instead of being cut to size.
        std::array<std::uint8_t, wire::nat_answer_size + 1> in;
        io::unix_message message = io::receive_message(one_->socket.native_handle(), in);
        if (message.code == errc::not_found) break;
        if (message.code != errc::ok && message.code != errc::oversized) co_return false;
        batch_.emplace_back();
        take({in.data(), message.size}, message.passed.get(), now);
        if (!message.passed) continue;
        io::close_elsewhere(std::move(message.passed));
        for (io::descriptor& other : message.more) io::close_elsewhere(std::move(other));
        if (io::closes_under_way() >= closing_max) break;
      }
      if (!batch_.empty()) co_return true;
    }
  }

  void take(wire::bytes data, int passed, core::instant now) {
    question& q = batch_.back();
    q.asked.token = wire::nat_token_of(data);
    if (!home_.rates.take(one_->peer.uid, home_.settings->config.query_rate, now)) return q.fail(nat_error::busy);
    if (data.size() == wire::nat_answer_size) {
      const auto said = wire::decode_nat_announcement(data);
      if (said.has_error()) return q.fail(said.error());
      if (!one_->peer.sees_all) return q.fail(nat_error::forbidden);
      auto flow = std::make_shared<const nat::entry>(entry_of(*said));
      return look_up(q, {nat_request::kind::announce, flow->key, 0, flow});
    }
    const auto asked = wire::decode_nat_question(data);
    if (asked.has_error()) return q.fail(asked.error());
    q.asked = *asked;
    const core::flow_key key{asked->protocol, asked->source, asked->local, asked->netns};
    switch (asked->what) {
      case kind::source:
      case kind::source_port:
        return look_up(q, {nat_request::kind::find_source, key});
      case kind::flow:
        return look_up(q, {nat_request::kind::find_flow, key});
      case kind::erase: {
        // Who may not erase hears of what he may see, and of nothing else.
        const bool whole = asked->local.port != 0, may = one_->peer.sees_all;
        if (whole) return look_up(q, {may ? nat_request::kind::erase_flow : nat_request::kind::find_flow, key, asked->generation});
        return look_up(q, {may ? nat_request::kind::erase_source : nat_request::kind::find_source, key, asked->generation});
      }
      case kind::descriptor:
        return look_up_descriptor(q, passed);
      case kind::stats:
        if (!one_->peer.sees_all) q.fail(nat_error::forbidden);
        return;
      case kind::subscribe:
        if (one_->events) q.fail(nat_error::bad_message);
        return;
    }
  }

  void look_up(question& q, nat_request wanted) {
    const std::size_t shard = core::shard_of(wanted.key.source.port, static_cast<std::uint32_t>(requests_.size()));
    q.looked_up.push_back({shard, requests_[shard].size()});
    requests_[shard].push_back(std::move(wanted));
  }

  // Whoever holds the accepted socket may ask, whoever they are. Addresses can be had by anybody, with a UDP socket or in another
  // namespace; the socket itself cannot.
  void look_up_descriptor(question& q, int fd) {
    if (fd < 0) return q.fail(nat_error::bad_message);
    q.cookie = io::socket_cookie(fd);
    core::flow_key key;
    key.source = io::peer_address(fd);
    key.local = io::bound_address(fd);
    q.answered = key.source.port == 0;  // not connected: a miss
    if (q.answered) return;
    look_up(q, {nat_request::kind::find_flow, key});
    key.netns = home_.shared->sandbox_netns;
    if (key.netns != 0) look_up(q, {nat_request::kind::find_flow, key});
  }

  asio::awaitable<void> look_up() {
    for (std::size_t shard = 0; shard < requests_.size(); ++shard) {
      results_[shard].reset();
      if (requests_[shard].empty()) continue;
      const nat_shard_actor who = home_.shared->who.shard(shard);
      results_[shard] = co_await ask<nat_results>(home_.questions, who, ask_timeout, act_atom::value, requests_[shard]);
    }
  }

  asio::awaitable<void> answer(question& q) {
    if (q.asked.what == kind::stats && q.looked_up.empty()) co_return co_await count(q);
    if (q.asked.what == kind::subscribe) co_return co_await subscribe(q);
    nat_entries flows;
    nat_request::kind done = nat_request::kind::find_flow;
    for (const auto& [shard, number] : q.looked_up) {
      if (!results_[shard]) co_return q.fail(nat_error::internal);
      nat_result& found = (*results_[shard])[number];
      done = requests_[shard][number].what;
      if (done == nat_request::kind::erase_flow || done == nat_request::kind::erase_source) co_return answer_erased(q, found);
      if (done == nat_request::kind::announce && found.code != errc::ok) co_return q.fail(found.code == errc::limit_reached ? nat_error::full : nat_error::carried);
      std::move(found.flows.begin(), found.flows.end(), std::back_inserter(flows));
    }
    std::erase_if(flows, [&](const nat::entry& f) { return !may_see(q, f); });
    if (q.asked.what == kind::erase && !flows.empty()) co_return q.fail(nat_error::forbidden);
    q.answer = answer_of(flows, core::clock::now());
  }

  bool may_see(const question& q, const nat::entry& flow) const {
    if (q.asked.what == kind::descriptor) return flow.cookie == q.cookie;
    return actors::may_see(one_->peer, flow, home_.shared->programs.sockets_of(flow.key.netns));
  }

  static void answer_erased(question& q, const nat_result& done) {
    if (done.erased != 0) {
      q.answer.what = nat_answer::status::erased;
      q.answer.matches = done.erased;
    } else if (done.code == errc::permission_denied) {
      q.fail(nat_error::carried);
    }
  }

  asio::awaitable<void> count(question& q) {
    const auto all = co_await nat_totals(home_);
    if (!all) co_return q.fail(nat_error::internal);
    q.answer.what = nat_answer::status::stats;
    q.answer.counters = counters_of(*all);
  }

  asio::awaitable<void> subscribe(question& q) {
    if (one_->events) co_return q.fail(nat_error::bad_message);
    one_->events = co_await home_.feed.subscribe(one_, q.asked.token);
    if (!one_->events) co_return q.fail(nat_error::busy);
    q.answer.what = nat_answer::status::subscribed;
    begins_ = true;
    one_->touch();
  }

  // Behind the answer to the subscription.
  void begin_events() {
    if (!begins_) return;
    begins_ = false;
    asio::co_spawn(home_.execution.io(), subscription::deliver(one_->events), asio::detached);
  }

  // An asker who does not read waits, and is dropped when it does so for too long; nobody waits for it.
  asio::awaitable<bool> reply() {
    for (const question& q : batch_) {
      const auto bytes = wire::encode(q.answer);
      for (;;) {
        const errc sent = io::send_message(one_->socket.native_handle(), bytes);
        if (sent == errc::ok) break;
        if (sent != errc::not_found) co_return false;
        const auto [error] = co_await one_->socket.async_wait(asker_session::channel::wait_write, plain_result);
        if (error) co_return false;
      }
    }
    co_return true;
  }

  control& home_;
  const std::shared_ptr<asker_session> one_;
  std::vector<question> batch_;
  std::vector<nat_requests> requests_;                // by shard
  std::vector<std::optional<nat_results>> results_;  // likewise
  bool begins_ = false;
};

}  // namespace

asio::awaitable<void> serve_questions(control& home, std::shared_ptr<asker_session> one) {
  conversation here{home, std::move(one)};
  co_await here.run();
}

}  // namespace omnilink::actors
