// Who has subscribed to flows on query.sock, and what is on its way to them. Each is told what he may see (invariant 10), from a queue
// of his own: when it is full, he is told how much he missed.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "actors/flow_news.hpp"
#include "wire/nat_query.hpp"

namespace omnilink::actors {

struct asker_session;
struct control;

/// One subscriber's events.
class subscription {
 public:
  subscription(std::shared_ptr<asker_session> one, std::uint64_t token);

  const asker_session& asker() const noexcept { return *one_; }
  void add(const flow_event& event);
  /// So many that nobody looked at.
  void miss(std::uint32_t count);
  /// Sends them until the session is closed. After the subscription's answer was sent.
  static boost::asio::awaitable<void> deliver(std::shared_ptr<subscription> self);
  /// The session was closed.
  void wake() noexcept { news_.cancel(); }

 private:
  void push(const wire::nat_answer& event);
  void push_lost();

  std::shared_ptr<asker_session> one_;
  const std::uint64_t token_;
  std::deque<std::array<std::uint8_t, wire::nat_answer_size>> waiting_;
  std::uint64_t lost_ = 0;  // since the last one that is waiting
  boost::asio::steady_timer news_;
};

class flow_feed {
 public:
  explicit flow_feed(control& home) : home_{home} {}

  /// From any thread.
  bool has_subscribers() const noexcept { return subscribers_.load(std::memory_order_relaxed) != 0; }
  bool has_ordinary_subscribers() const noexcept { return ordinary_.load(std::memory_order_relaxed) != 0; }
  bool has_room() const noexcept;
  void hear(flow_events events);

  // -- on control
  /// When this returns, every flow that begins is told of. nullptr: there are too many subscribers, of this user or at all.
  boost::asio::awaitable<std::shared_ptr<subscription>> subscribe(std::shared_ptr<asker_session> one, std::uint64_t token);
  void unsubscribe(const std::shared_ptr<subscription>& which);

 private:
  void pass_on(const flow_events& events);
  void count();

  control& home_;
  std::vector<std::shared_ptr<subscription>> all_;
  std::atomic<std::size_t> subscribers_{0}, ordinary_{0};  // who see all, and others; who see their own flows
  std::atomic<std::size_t> under_way_{0};  // events between a worker and here
};

}  // namespace omnilink::actors
