#include "actors/runtime.hpp"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/sec.hpp>
#include <caf/system_messages.hpp>
#include <future>
#include <utility>

#include "io/log.hpp"

namespace omnilink::actors {
namespace {

// Messages an actor handles before its worker looks at its sockets again.
constexpr std::size_t messages_per_turn = 64;

// A queued actor: the reference is the job's, also when the io_context dies with jobs in its queue.
class job {
 public:
  explicit job(caf::resumable* actor) noexcept : actor_{actor} {}
  job(job&& other) noexcept : actor_{std::exchange(other.actor_, nullptr)} {}
  job& operator=(job&&) = delete;
  ~job() {
    if (actor_) caf::scheduler::abstract_coordinator::cleanup_and_release(actor_);
  }
  caf::resumable* take() noexcept { return std::exchange(actor_, nullptr); }

 private:
  caf::resumable* actor_;
};

}  // namespace

unit::unit(caf::actor_system& system, std::string thread_name) : thread_name_{std::move(thread_name)} {
  system_ = &system;
}

unit::~unit() { stop(); }

void unit::start() {
  thread_ = std::thread{[this] {
    pthread_setname_np(pthread_self(), thread_name_.c_str());
    for (;;) {
      try {
        io_.run();
        return;
      } catch (const std::exception& error) {
        // Of a handler outside of any connection's coroutine; only memory that ran out can be the cause.
        io::log::at_most_once_a_second(io::log::level::error, "handler-failed", {{"what", error.what()}});
      }
    }
  }};
}

void unit::settle() {
  if (!thread_.joinable()) {
    io_.poll();
    return;
  }
  std::promise<void> passed;
  boost::asio::post(io_, [&passed] { passed.set_value(); });
  passed.get_future().wait();
}

void unit::stop() noexcept {
  work_.reset();
  io_.stop();
  if (thread_.joinable()) thread_.join();
}

void unit::exec_later(caf::resumable* actor) {
  auto run_it = [this, queued = job{actor}]() mutable { run(queued.take()); };
  boost::asio::post(io_, std::move(run_it));
}

void unit::run(caf::resumable* actor) {
  switch (actor->resume(this, messages_per_turn)) {
    case caf::resumable::resume_later: exec_later(actor); break;  // keeps the reference
    case caf::resumable::done:
    case caf::resumable::awaiting_message:
    case caf::resumable::shutdown_execution_unit: caf::intrusive_ptr_release(actor); break;
  }
}

caf::error error_of(const std::exception_ptr& thrown) noexcept {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return caf::make_error(caf::sec::runtime_error, std::string{error.what()});
  } catch (...) {
    return caf::make_error(caf::sec::runtime_error);
  }
}

void exit_now(const caf::actor& who) {
  auto* actor = caf::actor_cast<caf::abstract_actor*>(who);
  if (!actor) return;
  actor->enqueue(nullptr, caf::make_message_id(caf::message_priority::high),
                 caf::make_message(caf::exit_msg{who.address(), caf::exit_reason::user_shutdown}), nullptr);
}

}  // namespace omnilink::actors
