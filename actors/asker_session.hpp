// One asker on query.sock or admin.sock, from accept to close.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

#include "actors/flow_feed.hpp"
#include "actors/query_access.hpp"
#include "core/clock.hpp"
#include "io/deadlines.hpp"

namespace omnilink::actors {

struct control;

/// An error is a value: an asker that leaves is nothing to throw for.
constexpr auto plain_result = boost::asio::as_tuple(boost::asio::use_awaitable);

struct asker_session {
  using channel = boost::asio::posix::stream_descriptor;
  /// One in which nothing is asked for so long ends.
  static constexpr core::nanoseconds idle_limit = std::chrono::minutes{1};

  /// `from` tells the two sockets apart.
  asker_session(channel connected, const channel* from, io::deadlines& deadlines)
      : socket{std::move(connected)}, listener{from}, peer{identify(socket.native_handle())}, idle{deadlines} {
    touch();
  }

  /// A subscriber waits for events for as long as he likes.
  void touch() {
    if (events) return idle.disarm();
    idle.arm(core::clock::now() + idle_limit, [this] { close(); });
  }
  void close() noexcept {
    boost::system::error_code ignored;
    socket.close(ignored);
    if (events) events->wake();
  }

  channel socket;
  const channel* listener;
  const asking_peer peer;
  io::deadlines::timer idle;
  std::shared_ptr<subscription> events;  ///< null: not subscribed
};

/// Answers one asker until it closes; `home` outlives the awaitable. wire/nat_query.hpp, wire/admin.hpp.
boost::asio::awaitable<void> serve_questions(control& home, std::shared_ptr<asker_session> one);
boost::asio::awaitable<void> serve_admin(control& home, std::shared_ptr<asker_session> one);

}  // namespace omnilink::actors
