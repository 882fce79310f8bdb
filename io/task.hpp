// A coroutine of a worker: what every connection runs on. `task<T>` begins when it is awaited, or by start(), and belongs to whoever
// holds it. It differs from Asio's awaitable in what it costs (docs/decisions/0019): a frame comes out of a pool, to await a task is a
// call, and to wait for a socket takes no frame at all. All of one tree of tasks happens on one thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "io/frame_pool.hpp"

namespace omnilink::io {

template <class T = void>
class task;

namespace detail {

struct promise_base : pooled {
  promise_base() = default;
  promise_base(const promise_base&) = delete;
  promise_base& operator=(const promise_base&) = delete;

  std::suspend_always initial_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { failed = std::current_exception(); }

  /// Who awaits this one is resumed from here, where it had to wait at all. Not by symmetric transfer, which eats up the stack where
  /// the compiler makes no tail call of it (without optimisation, under a sanitizer).
  struct at_end {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> which) noexcept {
      promise_base& ended = which.promise();
      ended.ended = true;
      if (ended.awaited) ended.up->self.resume();  // and this frame is gone
    }
    void await_resume() noexcept {}
  };
  at_end final_suspend() noexcept { return {}; }

  std::coroutine_handle<> self;
  promise_base* up = nullptr;  ///< of who awaits this one; null: the root
  std::exception_ptr failed;
  bool ended = false;
  bool awaited = false;  ///< `up` is suspended, and to be resumed
};

/// Destroys the tree of tasks that waits in this one; for when nothing will ever resume it.
inline void abandon(promise_base& leaf) noexcept {
  promise_base* root = &leaf;
  while (root->up) root = root->up;
  root->self.destroy();
}

template <class T>
struct promise : promise_base {
  task<T> get_return_object() noexcept;
  template <class Value>
  void return_value(Value&& value) {
    result.emplace(std::forward<Value>(value));
  }
  T take() {
    if (failed) std::rethrow_exception(failed);
    return std::move(*result);
  }
  std::optional<T> result;
};

template <>
struct promise<void> : promise_base {
  task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void take() {
    if (failed) std::rethrow_exception(failed);
  }
};

}  // namespace detail

template <class T>
class [[nodiscard]] task {
 public:
  using promise_type = detail::promise<T>;

  explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_{frame} { frame.promise().self = frame; }
  task(task&& other) noexcept : frame_{std::exchange(other.frame_, nullptr)} {}
  task& operator=(task&&) = delete;
  ~task() {
    if (frame_) frame_.destroy();
  }

  struct awaiter {
    std::coroutine_handle<promise_type> frame;

    bool await_ready() noexcept { return false; }
    /// False: it has ended without having to wait.
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> who) {
      promise_type& mine = frame.promise();
      mine.up = &who.promise();
      frame.resume();
      mine.awaited = !mine.ended;
      return mine.awaited;
    }
    T await_resume() { return frame.promise().take(); }
  };
  awaiter operator co_await() noexcept { return {frame_}; }

 private:
  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
task<T> promise<T>::get_return_object() noexcept {
  return task<T>{std::coroutine_handle<promise<T>>::from_promise(*this)};
}
inline task<void> promise<void>::get_return_object() noexcept {
  return task<void>{std::coroutine_handle<promise<void>>::from_promise(*this)};
}

/// Runs at once and belongs to nobody.
struct root {
  struct promise_type : promise_base {
    root get_return_object() noexcept {
      self = std::coroutine_handle<promise_type>::from_promise(*this);
      return {};
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

inline root run_detached(task<void> what) { co_await what; }

}  // namespace detail

/// Runs `what` until it has to wait; the rest follows by itself. What it throws ends the program, as what a thread throws does.
inline void start(task<void> what) { detail::run_detached(std::move(what)); }

template <class Result>
class completion;

/// What completes a wait, once: called with the result, on the task's own thread, later than within the call that began the wait.
/// Destroyed without, as Asio does when the io_context ends, it destroys the task that waits.
template <class Result>
class resumption {
 public:
  explicit resumption(completion<Result>& of) noexcept : of_{&of} { of.by_ = this; }
  resumption(resumption&& other) noexcept : of_{std::exchange(other.of_, nullptr)} {
    if (of_) of_->by_ = this;
  }
  resumption& operator=(resumption&&) = delete;
  ~resumption() {
    if (!of_) return;
    of_->by_ = nullptr;
    detail::abandon(*of_->who_);
  }

  template <class Value>
  void operator()(Value&& result) {
    if (!of_) return;
    completion<Result>& of = *std::exchange(of_, nullptr);
    of.by_ = nullptr;
    of.result_.emplace(std::forward<Value>(result));
    of.who_->self.resume();
  }

 private:
  friend completion<Result>;
  completion<Result>* of_;
};

template <class Result>
class completion {
 public:
  completion(const completion&) = delete;
  completion& operator=(const completion&) = delete;
  ~completion() {
    if (by_) by_->of_ = nullptr;
  }

 protected:
  completion() = default;
  detail::promise_base* who_ = nullptr;
  std::optional<Result> result_;

 private:
  friend resumption<Result>;
  resumption<Result>* by_ = nullptr;  // wherever it has been moved to
};

template <class Result, class Begin>
class begun_operation final : completion<Result> {
 public:
  explicit begun_operation(Begin&& begin) noexcept : begin_{std::forward<Begin>(begin)} {}

  bool await_ready() noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> who) {
    this->who_ = &who.promise();
    begin_(resumption<Result>{*this});
  }
  Result await_resume() { return std::move(*this->result_); }

 private:
  Begin begin_;
};

/// `co_await completed<Result>(begin)`: begin(resumption<Result>) begins something, whose result is that of the wait. A named object is
/// referred to, another one becomes a part of the wait.
template <class Result, class Begin>
begun_operation<Result, Begin> completed(Begin&& begin) noexcept {
  return begun_operation<Result, Begin>{std::forward<Begin>(begin)};
}

/// Until the timer expires or is canceled.
inline task<> expiry(boost::asio::steady_timer& of) {
  auto begin = [&of](resumption<boost::system::error_code> done) { of.async_wait(std::move(done)); };
  co_await completed<boost::system::error_code>(begin);
}

/// Awaits a coroutine of Asio's, run by `on`, which is of this thread.
template <class T>
task<T> join(boost::asio::any_io_executor on, boost::asio::awaitable<T> what) {
  using outcome = std::pair<std::exception_ptr, std::optional<T>>;
  auto begin = [&](resumption<outcome> done) {
    boost::asio::co_spawn(on, std::move(what), [done = std::move(done)](std::exception_ptr failed, T value) mutable {
      done(outcome{failed, std::move(value)});
    });
  };
  outcome out = co_await completed<outcome>(begin);
  if (out.first) std::rethrow_exception(out.first);
  co_return std::move(*out.second);
}

}  // namespace omnilink::io
