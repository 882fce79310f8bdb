#include "actors/flow_feed.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <limits>

#include "actors/asker_session.hpp"
#include "actors/control.hpp"
#include "actors/flow_answer.hpp"
#include "actors/worker.hpp"
#include "io/unix_socket.hpp"

namespace omnilink::actors {
namespace {

namespace asio = boost::asio;

// Each has a queue of 1.3 MB at most …
constexpr std::size_t waiting_max = 1024;
// … so that all have 42 MB; those who see all are not kept out by others.
constexpr std::size_t subscribers_max = 32, subscribers_of_others_max = 24, subscribers_of_user_max = 4;
// Some 300 bytes each.
constexpr std::size_t under_way_max = 16384;

asio::awaitable<void> look(worker& there, flow_feed& feed) {
  there.news.look_at(feed);
  co_return;
}

}  // namespace

subscription::subscription(std::shared_ptr<asker_session> one, std::uint64_t token)
    : one_{std::move(one)}, token_{token}, news_{one_->socket.get_executor()} {}

// By the owner that the store knows, who was asked for when the flow began: an ended flow's ports may be anybody's.
void subscription::add(const flow_event& event) {
  if (!may_see(one_->peer, event.flow, nullptr)) return;
  if (waiting_.size() >= waiting_max) return miss(1);
  push_lost();
  wire::nat_answer out = answer_of(event.flow, core::clock::now());
  out.what = event.opened ? wire::nat_answer::status::opened : wire::nat_answer::status::ended;
  push(out);
}

void subscription::miss(std::uint32_t count) {
  lost_ += count;
  news_.cancel();
}

void subscription::push_lost() {
  if (lost_ == 0) return;
  wire::nat_answer out;
  out.what = wire::nat_answer::status::lost;
  out.matches = static_cast<std::uint32_t>(std::min<std::uint64_t>(lost_, std::numeric_limits<std::uint32_t>::max()));
  lost_ = 0;
  push(out);
}

void subscription::push(const wire::nat_answer& event) {
  wire::nat_answer out = event;
  out.token = token_;
  waiting_.push_back(wire::encode(out));
  news_.cancel();
}

asio::awaitable<void> subscription::deliver(std::shared_ptr<subscription> self) {
  auto& socket = self->one_->socket;
  while (socket.is_open()) {
    if (self->waiting_.empty()) self->push_lost();
    if (self->waiting_.empty()) {
      self->news_.expires_at(std::chrono::steady_clock::time_point::max());
      co_await self->news_.async_wait(plain_result);
      continue;
    }
    const auto& next = self->waiting_.front();
    const core::errc sent = io::send_message(socket.native_handle(), next);
    if (sent == core::errc::ok) {
      self->waiting_.pop_front();
    } else if (sent == core::errc::not_found) {
      co_await socket.async_wait(asker_session::channel::wait_write, plain_result);
    } else {
      self->one_->close();
    }
  }
}

bool flow_feed::has_room() const noexcept { return under_way_.load(std::memory_order_relaxed) < under_way_max; }

void flow_feed::hear(flow_events events) {
  under_way_.fetch_add(events.all.size(), std::memory_order_relaxed);
  asio::post(home_.execution.io(), [this, events = std::move(events)] {
    pass_on(events);
    under_way_.fetch_sub(events.all.size(), std::memory_order_relaxed);
  });
}

void flow_feed::pass_on(const flow_events& events) {
  for (const auto& one : all_) {
    const asking_peer& peer = one->asker().peer;
    // How many of them were his, nobody knows; how many others had is not for him.
    if (events.lost != 0) one->miss(peer.sees_all ? events.lost : 1);
    for (const flow_event& event : events.all) one->add(event);
  }
}

asio::awaitable<std::shared_ptr<subscription>> flow_feed::subscribe(std::shared_ptr<asker_session> one, std::uint64_t token) {
  const auto own = std::ranges::count_if(all_, [&](const auto& other) { return other->asker().peer.uid == one->peer.uid; });
  const bool has_room = one->peer.sees_all ? all_.size() < subscribers_max
                                           : all_.size() < subscribers_of_others_max && static_cast<std::size_t>(own) < subscribers_of_user_max;
  if (!has_room) co_return nullptr;
  auto fresh = std::make_shared<subscription>(std::move(one), token);
  all_.push_back(fresh);
  count();
  for (worker* w : home_.workers) {
    auto there = look(*w, *this);
    co_await asio::co_spawn(w->execution.io(), std::move(there), asio::use_awaitable);
  }
  co_return fresh;
}

void flow_feed::count() {
  subscribers_ = all_.size();
  ordinary_ = static_cast<std::size_t>(std::ranges::count_if(all_, [](const auto& one) { return !one->asker().peer.sees_all; }));
}

void flow_feed::unsubscribe(const std::shared_ptr<subscription>& which) {
  std::erase(all_, which);
  count();
  if (!all_.empty()) return;
  for (worker* w : home_.workers) asio::post(w->execution.io(), [this, w] { w->news.look_at(*this); });
}

}  // namespace omnilink::actors
