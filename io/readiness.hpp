// What is known of a socket's readiness, and who waits for more of it. Edge-triggered: the kernel says once that there is something,
// and it is remembered until an operation finds that nothing is left. That takes one epoll_ctl(2) in the life of a socket, where
// Asio's own waits take one each, with a lock, an allocation and a turn in a queue (docs/decisions/0011). For io/tcp_socket alone.
#pragma once

#include <array>
#include <boost/asio/detail/scheduler_operation.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <memory>

#include "core/errc.hpp"

namespace omnilink::io {

/// error: the peer has reset the connection, or both directions have ended.
enum class event : std::uint8_t { read, write, error };

/// Whoever waits: linked, not allocated, so that a relay, which waits often, has its waiters as members. One wait at a time; the
/// object's end ends it. A wait does not keep io_context::run() from returning.
class waiter : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  waiter() = default;
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;

  /// The wait is over. ok: the operation is worth a try. canceled: the socket was closed here, or its waits were canceled. io_failed:
  /// the kernel does not let it be watched. Called by the io_context, never from within a call that begins or ends a wait.
  virtual void ready(core::errc outcome) = 0;
  /// The io_context ends. Nothing may go on: let go of what the wait keeps alive, this object perhaps.
  virtual void abandon() noexcept = 0;

 protected:
  ~waiter() = default;

 private:
  friend class readiness;
  core::errc outcome_ = core::errc::ok;
};

/// Of one open socket, on its io_context's thread. Asio's scheduler takes it for an operation of its reactor.
class readiness : private boost::asio::detail::scheduler_operation {
 public:
  struct releaser {
    void operator()(readiness* what) const noexcept { what->release(); }
  };
  /// Ends right after the socket was closed; whoever waits then hears `canceled`.
  using handle = std::unique_ptr<readiness, releaser>;

  /// Nothing is known yet, so everything is worth a try.
  static handle make(boost::asio::io_context& context);

  class service;
  explicit readiness(service& home) noexcept;

  /// False: an operation would only say EAGAIN.
  bool worth_a_try(event what) const noexcept { return worth_[place(what)]; }
  /// An operation has said EAGAIN.
  void exhausted(event what) noexcept { worth_[place(what)] = false; }
  /// Reading gave less than there was room for: there is no more, unless an end or urgent data lies behind it, for which there is no
  /// other edge.
  void fell_short() noexcept { worth_[place(event::read)] = unclear_; }
  /// What the kernel has not told yet may be true already: the next operations are to ask it.
  void forget() noexcept { worth_[place(event::read)] = worth_[place(event::write)] = true; }

  void wait(int socket, event what, waiter& who);
  void cancel() noexcept;

 private:
  using waiters = boost::intrusive::list<waiter, boost::intrusive::constant_time_size<false>>;
  static constexpr std::size_t place(event what) noexcept { return static_cast<std::size_t>(what); }
  static void perform(void* owner, scheduler_operation* self, const boost::system::error_code&, std::size_t events);

  bool watch(int socket) noexcept;
  void happened(std::uint32_t events);
  void wake(event what);
  void release() noexcept;

  service& home_;
  std::array<waiters, 3> waiting_;
  std::array<bool, 3> worth_{};
  bool watched_ = false;
  bool unclear_ = false;     // a short read says nothing
  bool released_ = false;    // but still in the scheduler's queue
  std::uint32_t life_ = 0;   // which socket's it is: a readiness is used again
};

}  // namespace omnilink::io
