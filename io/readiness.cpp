#include "io/readiness.hpp"

#include <sys/epoll.h>

#include <boost/asio/detail/epoll_reactor.hpp>
#include <boost/asio/detail/scheduler.hpp>
#include <boost/asio/post.hpp>
#include <boost/container/deque.hpp>
#include <boost/version.hpp>
#include <vector>

namespace omnilink::io {
namespace {

namespace asio = boost::asio;
using asio::detail::epoll_reactor;

// epoll_reactor::run() takes every epoll_event's data for an operation, stores the events as its task_result_ and queues it; the
// scheduler then performs it with them. That is all that is relied on here, and it is no documented interface.
static_assert(BOOST_VERSION / 100 == 1081, "read Asio's detail/impl/epoll_reactor.ipp again before you change this");

// The reactor does not give its descriptor away; but an explicit instantiation may name a private member.
int epoll_of(const epoll_reactor& reactor) noexcept;
template <int epoll_reactor::*Member>
struct opener {
  friend int epoll_of(const epoll_reactor& reactor) noexcept { return reactor.*Member; }
};
template struct opener<&epoll_reactor::epoll_fd_>;

constexpr std::uint32_t every_event = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
constexpr std::uint32_t readable = EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLHUP | EPOLLERR;
constexpr std::uint32_t writable = EPOLLOUT | EPOLLHUP | EPOLLERR;
constexpr std::uint32_t broken = EPOLLHUP | EPOLLERR;
constexpr std::uint32_t more_behind = EPOLLRDHUP | EPOLLPRI | EPOLLHUP | EPOLLERR;

}  // namespace

class readiness::service : public asio::execution_context::service {
 public:
  static asio::execution_context::id id;

  explicit service(asio::execution_context& owner)
      : asio::execution_context::service{owner},
        context_{static_cast<asio::io_context&>(owner)},
        reactor_{asio::use_service<epoll_reactor>(owner)},
        scheduler_{asio::use_service<asio::detail::scheduler>(owner)} {
    reactor_.init_task();
  }

  readiness& take() {
    if (spare_.empty()) return all_.emplace_back(*this);
    readiness& out = *spare_.back();
    spare_.pop_back();
    return out;
  }
  void give_back(readiness& what) { spare_.push_back(&what); }

  int epoll() const noexcept { return epoll_of(reactor_); }
  // The scheduler counts every operation that it performs as finished work; this one was none.
  void performed() { scheduler_.compensating_work_started(); }

  // Its wait ends when those who run now have returned.
  void end_soon(waiter& who, core::errc outcome) {
    who.outcome_ = outcome;
    const bool first = ended_.empty();
    ended_.push_back(who);
    if (first && !shut_) asio::post(context_, [this] { end(); });
  }

 private:
  void end() {
    waiters now;
    now.swap(ended_);
    while (!now.empty()) {
      waiter& one = now.front();
      now.pop_front();
      one.ready(one.outcome_);
    }
  }

  void shutdown() override {
    shut_ = true;
    for (readiness& one : all_) {
      for (waiters& ring : one.waiting_) abandon(ring);
    }
    abandon(ended_);  // with those whose sockets were closed by the others' end
  }

  static void abandon(waiters& ring) noexcept {
    while (!ring.empty()) {
      waiter& one = ring.front();
      ring.pop_front();
      one.abandon();
    }
  }

  asio::io_context& context_;
  epoll_reactor& reactor_;
  asio::detail::scheduler& scheduler_;
  // They stay where they are, and as long as Asio may have one in its queue; together, or each would hold a page of what others give back.
  boost::container::deque<readiness, void, boost::container::deque_options<boost::container::block_bytes<64 * 1024>>::type> all_;
  std::vector<readiness*> spare_;
  waiters ended_;
  bool shut_ = false;
};

asio::execution_context::id readiness::service::id;

readiness::readiness(service& home) noexcept : scheduler_operation{&perform}, home_{home} {}

readiness::handle readiness::make(asio::io_context& context) {
  readiness& out = asio::use_service<service>(context).take();
  out.worth_ = {true, true, false};
  out.watched_ = out.unclear_ = false;
  return handle{&out};
}

void readiness::wait(int socket, event what, waiter& who) {
  if (worth_a_try(what)) return home_.end_soon(who, core::errc::ok);
  if (!watched_ && !watch(socket)) return home_.end_soon(who, core::errc::io_failed);
  waiting_[place(what)].push_back(who);
}

bool readiness::watch(int socket) noexcept {
  epoll_event wanted{};
  wanted.events = every_event;
  wanted.data.ptr = static_cast<scheduler_operation*>(this);
  watched_ = ::epoll_ctl(home_.epoll(), EPOLL_CTL_ADD, socket, &wanted) == 0;
  return watched_;
}

void readiness::cancel() noexcept {
  for (waiters& ring : waiting_) {
    while (!ring.empty()) {
      waiter& one = ring.front();
      ring.pop_front();
      home_.end_soon(one, core::errc::canceled);
    }
  }
}

void readiness::release() noexcept {
  cancel();
  ++life_;
  // The kernel has forgotten a closed socket, but events that it told before may be in the queue. The queue always ends with the
  // reactor's own operation, so that whoever is in it has a successor.
  released_ = asio::detail::op_queue_access::next(static_cast<scheduler_operation*>(this)) != nullptr;
  if (!released_) home_.give_back(*this);
}

void readiness::perform(void* owner, scheduler_operation* self, const boost::system::error_code&, std::size_t events) {
  if (!owner) return;  // the scheduler ends
  auto& which = *static_cast<readiness*>(self);
  which.home_.performed();
  if (!which.released_) return which.happened(static_cast<std::uint32_t>(events));
  which.released_ = false;
  which.home_.give_back(which);
}

void readiness::happened(std::uint32_t events) {
  if (events & readable) worth_[place(event::read)] = true;
  if (events & writable) worth_[place(event::write)] = true;
  if (events & broken) worth_[place(event::error)] = true;
  if (events & more_behind) unclear_ = true;
  const auto life = life_;
  for (const event what : {event::read, event::write, event::error}) {
    // Whoever was woken may have closed the socket.
    if (life_ == life && worth_a_try(what)) wake(what);
  }
}

void readiness::wake(event what) {
  waiters now;
  now.swap(waiting_[place(what)]);
  while (!now.empty()) {
    waiter& one = now.front();
    now.pop_front();
    one.ready(core::errc::ok);
  }
}

}  // namespace omnilink::io
