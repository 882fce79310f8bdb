// A TCP socket of a worker, non-blocking. It remembers what the kernel and the last operations said of its readiness, so that nobody
// tries what would only say EAGAIN.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <coroutine>

#include "io/descriptor.hpp"
#include "io/readiness.hpp"
#include "io/task.hpp"

namespace omnilink::io {

class socket_wait;

class tcp_socket {
 public:
  explicit tcp_socket(boost::asio::io_context& context) noexcept : context_{&context} {}
  /// Takes a connected, non-blocking socket.
  tcp_socket(boost::asio::io_context& context, descriptor fd);
  /// Takes one from Asio and makes it non-blocking.
  explicit tcp_socket(boost::asio::ip::tcp::socket from);
  tcp_socket(tcp_socket&&) noexcept = default;
  tcp_socket& operator=(tcp_socket&&) = delete;
  ~tcp_socket() { close(); }

  /// In place of the one that it has.
  void open(descriptor fd);
  bool is_open() const noexcept { return static_cast<bool>(fd_); }
  int native_handle() const noexcept { return fd_.get(); }
  boost::asio::io_context& context() const noexcept { return *context_; }
  /// Waits end with `canceled`, later. Safe to call twice.
  void close() noexcept;
  /// The same for waits only.
  void cancel() noexcept;

  /// What the operations find out, and whether they are worth a try; only while it is open.
  readiness& known() noexcept { return *known_; }
  /// readiness::forget(): for who must know how it is now, not how it was when the kernel told last.
  void forget() noexcept {
    if (known_) known_->forget();
  }

  void wait(event what, waiter& who);
  /// `co_await` gives ok, canceled or io_failed, as waiter::ready().
  socket_wait wait(event what) noexcept;

  /// One of Asio's socket options. An option that cannot be set is none that the stream depends on.
  template <class Option>
  void set_option(const Option& option) noexcept {
    const auto any = boost::asio::ip::tcp::v4();
    ::setsockopt(fd_.get(), option.level(any), option.name(any), option.data(any), static_cast<socklen_t>(option.size(any)));
  }

 private:
  boost::asio::io_context* context_;
  descriptor fd_;
  readiness::handle known_;
};

/// A task's wait, which is a part of the task's frame.
class socket_wait final : waiter {
 public:
  socket_wait(tcp_socket& on, event what) noexcept : on_{on}, what_{what} {}

  bool await_ready() noexcept { return !on_.is_open(); }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> who) {
    who_ = &who.promise();
    on_.wait(what_, *this);
  }
  core::errc await_resume() noexcept { return outcome_; }

 private:
  void ready(core::errc outcome) override {
    outcome_ = outcome;
    who_->self.resume();
  }
  void abandon() noexcept override { detail::abandon(*who_); }

  tcp_socket& on_;
  const event what_;
  core::errc outcome_ = core::errc::canceled;
  detail::promise_base* who_ = nullptr;
};

inline socket_wait tcp_socket::wait(event what) noexcept { return {*this, what}; }

/// The io_context behind an executor of ours.
boost::asio::io_context& context_of(const boost::asio::any_io_executor& executor) noexcept;

}  // namespace omnilink::io
