// A question from a coroutine to an actor: `const auto reply = co_await ask<Reply>(asker, actor, timeout, args…)`. The asker
// is an actor of the unit that only carries questions, so a question survives the restart of the actor it is asked for, and
// an answer, or its absence, always comes: a dead actor bounces the request, a silent one meets the deadline.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "actors/runtime.hpp"
#include "core/clock.hpp"
#include "io/deadlines.hpp"

namespace omnilink::actors {

class asker final : public pinned<caf::event_based_actor> {
 public:
  asker(caf::actor_config& config, unit& home, io::deadlines& deadlines)
      : pinned{config, home}, deadlines_{deadlines} {
    set_default_handler(caf::drop);
  }
  caf::behavior make_behavior() override {
    // Answers come to the requests' own handlers; it has nothing else to do, and must not end for want of a behavior.
    return {[](caf::unit_t) {}};
  }
  io::deadlines& deadlines() noexcept { return deadlines_; }

 private:
  io::deadlines& deadlines_;
};

/// Generous: a healthy answer takes microseconds. It bounds what a defect can hold up.
inline constexpr core::nanoseconds ask_timeout = std::chrono::seconds{2};

namespace detail {

// Completed once, by whichever comes first.
template <class Reply, class Handler>
struct question {
  question(io::deadlines& deadlines, Handler&& h) : timer{deadlines}, handler{std::move(h)} {}
  io::deadlines::timer timer;
  std::optional<Handler> handler;

  void complete(std::optional<Reply> reply) {
    if (!handler) return;
    timer.disarm();
    Handler then = std::move(*handler);
    handler.reset();
    std::move(then)(std::move(reply));
  }
};

}  // namespace detail

/// From a coroutine on the asker's own unit only. nullopt: the actor is dead, failed, or did not answer in time. Give named
/// objects, no temporaries: g++ 12 destroys those of a co_await expression twice.
template <class Reply, class Handle, class... Args>
boost::asio::awaitable<std::optional<Reply>> ask(asker& from, const Handle& to, core::nanoseconds timeout, const Args&... args) {
  auto initiate = [&](auto handler) {
    using handler_type = decltype(handler);
    auto open = std::make_shared<detail::question<Reply, handler_type>>(from.deadlines(), std::move(handler));
    // The request's handlers keep it alive; the timer is a part of it.
    open->timer.arm(core::clock::now() + timeout, [raw = open.get()] { raw->complete({}); });
    from.request(to, caf::infinite, args...)
        .then([open](Reply& reply) { open->complete(std::move(reply)); },
              [open](caf::error&) { open->complete({}); });
  };
  co_return co_await boost::asio::async_initiate<decltype(boost::asio::use_awaitable), void(std::optional<Reply>)>(
      initiate, boost::asio::use_awaitable);
}

}  // namespace omnilink::actors
