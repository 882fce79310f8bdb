// CAF decides, Asio carries: a unit is one thread with one io_context that is also a CAF execution unit, so an actor pinned to
// it and the sockets it works on share a thread. The hooks are public virtuals of CAF 0.17.6.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/execution_unit.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <exception>
#include <string>
#include <thread>

namespace omnilink::actors {

class unit final : public caf::execution_unit {
 public:
  unit(caf::actor_system& system, std::string thread_name);
  ~unit() override;

  boost::asio::io_context& io() noexcept { return io_; }
  void start();
  /// Returns when everything that was queued before has run; from another thread.
  void settle();
  /// Ends the loop and joins; from another thread. Then what is still queued is released.
  void stop() noexcept;

  /// May be called from any thread.
  void exec_later(caf::resumable* actor) override;

 private:
  void run(caf::resumable* actor);

  std::string thread_name_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  std::thread thread_;
};

/// What an exception in a handler becomes: the actor ends with it as its reason.
caf::error error_of(const std::exception_ptr& thrown) noexcept;

/// An actor of the interface `Handle` (or an untyped one) that only ever runs on its home unit.
template <class Base>
class pinned : public Base {
 public:
  pinned(caf::actor_config& config, unit& home) : Base{config}, home_{home} {
    // CAF's own handler prints; the supervisor says it in the log, with this text.
    this->set_exception_handler([](std::exception_ptr& thrown) { return error_of(thrown); });
  }

  void enqueue(caf::mailbox_element_ptr message, caf::execution_unit*) override {
    Base::enqueue(std::move(message), &home_);
  }
  void launch(caf::execution_unit*, bool lazy, bool hide) override { Base::launch(&home_, lazy, hide); }

 private:
  unit& home_;
};

template <class Handle>
using pinned_actor = pinned<typename Handle::base>;

/// Ends an actor ahead of whatever waits in its mailbox (anon_send_exit would queue behind it).
void exit_now(const caf::actor& who);

}  // namespace omnilink::actors
