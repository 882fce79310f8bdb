#include "capi/mirror.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include <system_error>
#include <thread>

#include "capi/interception.hpp"
#include "capi/service_client.hpp"

namespace omnilink::capi {
namespace {

namespace cgroup = interceptor::cgroup;

// The accepted socket's own address: of a borrowed listener's, or where an incoming connection wanted to go.
core::endpoint local_of(const cgroup::arrival& which, std::uint16_t listener) {
  if (which.incoming) return which.origin.destination;
  return {which.source.address.is_v6() ? *core::address::parse("::1") : core::address::v4(0x7f000001), listener};
}

void tell(service_client& service, const cgroup::arrival& which, std::uint16_t listener, bool closed) {
  if (closed) {
    wire::nat_question gone;
    gone.what = wire::nat_question::kind::erase;
    gone.source = which.source;
    gone.local = local_of(which, listener);
    service.ask(gone);
    return;
  }
  wire::nat_announcement fresh;
  static_cast<wire::nat_flow&>(fresh) = to_answer(which);
  fresh.carrier = {};
  fresh.generation = fresh.age_ms = 0;
  fresh.local = local_of(which, listener);
  service.announce(fresh);
}

// What the service does not take (it is full, or not ours to tell) it is not told again.
void keep_telling(const std::shared_ptr<in_force>& what, std::string query_socket) noexcept {
  try {
    service_client service{std::move(query_socket)};
    pollfd waits[]{{what->outgoing.news_fd(), POLLIN, 0}, {what->ended.get(), POLLIN, 0}};
    while (waits[1].revents == 0) {
      if (::poll(waits, 2, -1) < 0) continue;
      what->outgoing.hear_news([&](const cgroup::arrival& which, bool closed) { tell(service, which, what->outgoing.port(), closed); });
    }
  } catch (...) {
    // Out of memory: the service is told no more.
  }
}

}  // namespace

void mirror(std::shared_ptr<in_force> what, std::string query_socket) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread{keep_telling, std::move(what), std::move(query_socket)}.detach();
  } catch (const std::system_error&) {
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace omnilink::capi
