// The calls with a handle.
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <new>
#include <string>

#include "capi/boundary.hpp"
#include "capi/capture.hpp"
#include "capi/child_service.hpp"
#include "capi/judge.hpp"
#include "capi/omnilink.h"
#include "capi/structures.hpp"
#include "io/accept.hpp"
#include "io/address.hpp"

using namespace omnilink;
using namespace omnilink::capi;

struct omnilink_handle {
  explicit omnilink_handle(std::optional<std::string> query_socket) : flows{std::move(query_socket)} {}

  capi::interception flows;
  std::mutex serving;  // of `service`
  child_service service;
  capi::judge callouts;
  std::recursive_mutex told;  // one thread tells at a time, and what it calls may come back
  bool telling = false;
  omnilink_flow_callback callback = nullptr;
  void* user = nullptr;
  std::mutex watching;  // of `events`
  io::descriptor events;  // epoll, once there is more than one thing to wait for
};

namespace {

constexpr std::uint32_t port_max = 65535, dispatch_ms_max = 60000, service_ms = 10000;

int fail(interception& who, problem why) {
  who.remember(std::move(why.text));
  return why.code;
}

int bad(interception& who, std::string why) { return fail(who, {OMNILINK_E_ARGUMENT, std::move(why)}); }

int bad_size(interception& who, const char* structure) {
  return fail(who, {OMNILINK_E_SIZE, std::string{structure} + ": its size is of no version of this library, or it sets what this one (" +
                                         omnilink_version() + ") does not know"});
}

// Every call with a handle goes through here.
template <class Body>
int call(omnilink_handle* handle, Body body) noexcept {
  if (handle == nullptr) return OMNILINK_E_ARGUMENT;
  return guarded(handle->flows, int{OMNILINK_E_LIMIT_REACHED}, [&] { return body(handle->flows); });
}

int report(interception& who, const interception::answer& known, omnilink_destination* out) {
  omnilink_destination all;
  fill(known.has_value() ? *known : wire::nat_answer{}, all);
  if (!write(all, out)) return bad_size(who, "omnilink_destination");
  if (known.has_error()) return fail(who, known.error());
  if (all.status == OMNILINK_MISS) return fail(who, {core::errc::not_found, "no intercepted connection is known by that"});
  if (all.status == OMNILINK_AMBIGUOUS)
    return fail(who, {OMNILINK_E_AMBIGUOUS, std::to_string(all.matches) + " connections come from there; ask by the socket or by both addresses"});
  return OMNILINK_OK;
}

std::optional<core::endpoint> to_endpoint(const sockaddr* from, socklen_t size) {
  sockaddr_storage raw{};
  if (from == nullptr || size < sizeof from->sa_family || size > sizeof raw) return std::nullopt;
  std::memcpy(&raw, from, size);
  const std::size_t whole = raw.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  if (size < whole) return std::nullopt;
  auto out = io::from_sockaddr(raw);
  if (out) out->address = out->address.unmapped();
  return out;
}

int redirect(interception& who, const omnilink_redirect_options& given) {
  if (given.port == 0 || given.port > port_max) return bad(who, "port: " + std::to_string(given.port) + " is no port, 1 to 65535");
  if (given.incoming > port_max) return bad(who, "incoming: " + std::to_string(given.incoming) + " is no port, 1 to 65535, nor 0 for none");
  if (given.capture == nullptr) return bad(who, "capture: NULL; name what is taken, as \"pid=4711\"");
  interceptor::cgroup::borrowed_listener wanted;
  if (std::string wrong = read_capture(given.capture, wanted.what); !wrong.empty()) return bad(who, std::move(wrong));
  wanted.port = static_cast<std::uint16_t>(given.port);
  wanted.agent = given.agent_pid != 0 ? given.agent_pid : static_cast<std::uint32_t>(::getpid());
  wanted.incoming = static_cast<std::uint16_t>(given.incoming);
  if (wanted.incoming != 0 && wanted.what.pids.empty()) return bad(who, "incoming: capture has no pid, whose ports it would be about");
  if (auto no = who.start(wanted)) return fail(who, std::move(*no));
  return OMNILINK_OK;
}

void tell_flows(omnilink_handle& handle, interceptor::cgroup::redirection& from) {
  from.hear_news([&](const interceptor::cgroup::arrival& which, bool closed) {
    if (handle.callback == nullptr) return;
    auto answer = to_answer(which);
    if (closed) answer.what = wire::nat_answer::status::closed;
    omnilink_destination flow;
    fill(answer, flow);
    handle.callback(handle.user, closed ? OMNILINK_ENDED : OMNILINK_OPENED, &flow);
  });
}

int dispatch(omnilink_handle& handle, int timeout_ms) {
  interception& who = handle.flows;
  const auto flows = who.current();
  const auto service = handle.callouts.channel();
  if (!flows && !service) return bad(who, "nothing is redirected, and no service has callouts");
  pollfd ready[]{{flows ? flows->news_fd() : -1, POLLIN, 0}, {service ? service->get() : -1, POLLIN, 0}};
  if (::poll(ready, std::size(ready), timeout_ms) <= 0) return OMNILINK_OK;
  const std::scoped_lock one{handle.told};
  if (handle.telling) return OMNILINK_OK;  // from a callback
  struct turn {
    bool& taken;
    explicit turn(bool& of) : taken{of} { taken = true; }
    ~turn() { taken = false; }
  };
  const turn mine{handle.telling};
  if (ready[0].revents != 0) tell_flows(handle, *flows);
  if (ready[1].revents == 0) return OMNILINK_OK;
  auto no = handle.callouts.tell(service);
  return no ? fail(who, std::move(*no)) : int{OMNILINK_OK};
}

// What is there already, or is gone, makes no difference: closed ones leave by themselves.
int watch(omnilink_handle& handle, int one, int other) {
  const std::scoped_lock now{handle.watching};
  if (!handle.events) handle.events = io::descriptor{::epoll_create1(EPOLL_CLOEXEC)};
  for (const int fd : {one, other}) {
    epoll_event readable{};
    readable.events = EPOLLIN;
    ::epoll_ctl(handle.events.get(), EPOLL_CTL_ADD, fd, &readable);
  }
  return handle.events.get();
}

}  // namespace

extern "C" {

const char* omnilink_version(void) { return OMNILINK_VERSION; }

size_t omnilink_last_error(const omnilink_handle* handle, char* text, size_t size) {
  const interception& who = handle != nullptr ? handle->flows : of_process();
  return guarded(of_process(), size_t{0}, [&] { return copy_text(who.remembered(), text, size); });
}

size_t omnilink_unavailable_reason(char* text, size_t size) {
  return guarded(of_process(), size_t{0}, [&] {
    const auto no = interceptor::cgroup::why_not_here();
    return copy_text(no ? no->message : std::string{}, text, size);
  });
}

int omnilink_open(const omnilink_options* options, omnilink_handle** out) {
  if (out == nullptr) return OMNILINK_E_ARGUMENT;
  *out = nullptr;
  return guarded(of_process(), int{OMNILINK_E_LIMIT_REACHED}, [&]() -> int {
    omnilink_options given{};
    if (options != nullptr && (!read(options, sizeof given, given) || given.reserved != 0)) return bad_size(of_process(), "omnilink_options");
    std::optional<std::string> socket{std::in_place};
    if (given.query_socket != nullptr) socket = *given.query_socket != '\0' ? std::optional<std::string>{given.query_socket} : std::nullopt;
    *out = new omnilink_handle{std::move(socket)};
    return OMNILINK_OK;
  });
}

void omnilink_close(omnilink_handle* handle) { delete handle; }

int omnilink_redirect(omnilink_handle* handle, const omnilink_redirect_options* options) {
  return call(handle, [&](interception& who) {
    omnilink_redirect_options given;
    if (options == nullptr) return bad(who, "options: NULL");
    if (!read(options, sizeof given, given)) return bad_size(who, "omnilink_redirect_options");
    return redirect(who, given);
  });
}

int omnilink_redirect_stop(omnilink_handle* handle) {
  return call(handle, [](interception& who) {
    who.stop();
    return int{OMNILINK_OK};
  });
}

int omnilink_lookup_port(omnilink_handle* handle, uint32_t port, omnilink_destination* out) {
  return call(handle, [&](interception& who) {
    if (out == nullptr) return bad(who, "out: NULL");
    // Above 65535 nothing is known, as the five calls have it.
    return report(who, port != 0 && port <= port_max ? who.from_port(static_cast<std::uint16_t>(port)) : wire::nat_answer{}, out);
  });
}

int omnilink_lookup_flow(omnilink_handle* handle, const sockaddr* source, socklen_t source_size, const sockaddr* local, socklen_t local_size,
                         omnilink_destination* out) {
  return call(handle, [&](interception& who) {
    if (out == nullptr) return bad(who, "out: NULL");
    const auto from = to_endpoint(source, source_size);
    std::optional<core::endpoint> at;
    if (!from || from->port == 0) return bad(who, "source: neither of IPv4 nor of IPv6, with a port");
    if (local != nullptr && (!(at = to_endpoint(local, local_size)) || at->port == 0))
      return bad(who, "local: neither NULL nor of IPv4 or IPv6, with a port");
    return report(who, who.from(*from, at), out);
  });
}

int omnilink_lookup_fd(omnilink_handle* handle, int accepted, omnilink_destination* out) {
  return call(handle, [&](interception& who) {
    if (out == nullptr) return bad(who, "out: NULL");
    if (io::socket_cookie(accepted) == 0) return bad(who, "accepted: no socket");
    return report(who, who.of(accepted), out);
  });
}

int omnilink_forget(omnilink_handle* handle, uint32_t port) {
  return call(handle, [&](interception& who) {
    if (port == 0 || port > port_max) return bad(who, "source_port: " + std::to_string(port) + " is no port, 1 to 65535");
    const bool known = who.forget(static_cast<std::uint16_t>(port));
    return known ? int{OMNILINK_OK} : fail(who, {core::errc::not_found, "no intercepted connection comes from that port"});
  });
}

int omnilink_on_flow(omnilink_handle* handle, omnilink_flow_callback callback, void* user) {
  return call(handle, [&](interception&) {
    const std::scoped_lock now{handle->told};
    handle->callback = callback;
    handle->user = user;
    return int{OMNILINK_OK};
  });
}

int omnilink_events_fd(omnilink_handle* handle) {
  if (handle == nullptr) return -1;
  const auto flows = handle->flows.current();
  const auto service = handle->callouts.channel();
  if (flows && service) return watch(*handle, flows->news_fd(), service->get());
  return flows ? flows->news_fd() : service ? service->get() : -1;
}

int omnilink_dispatch(omnilink_handle* handle, uint32_t timeout_ms) {
  return call(handle, [&](interception& who) {
    if (timeout_ms > dispatch_ms_max) return bad(who, "timeout_ms: at most " + std::to_string(dispatch_ms_max));
    return dispatch(*handle, static_cast<int>(timeout_ms));
  });
}

int omnilink_service_start(omnilink_handle* handle, const omnilink_service_options* options) {
  return call(handle, [&](interception& who) {
    omnilink_service_options given;
    if (options == nullptr) return bad(who, "options: NULL");
    if (!read(options, sizeof given, given)) return bad_size(who, "omnilink_service_options");
    if (given.config == nullptr) return bad(who, "config: NULL");
    const std::chrono::milliseconds limit{given.timeout_ms != 0 ? given.timeout_ms : service_ms};
    const std::scoped_lock one{handle->serving};
    std::pair<io::descriptor, io::descriptor> ends;
    auto no = handle->callouts.connect(ends);
    if (!no) no = handle->service.start(given.program != nullptr ? given.program : "omnilink", given.config, limit, std::move(ends.second));
    if (no) return fail(who, std::move(*no));
    handle->callouts.serve(std::move(ends.first));
    return int{OMNILINK_OK};
  });
}

int omnilink_service_stop(omnilink_handle* handle) {
  return call(handle, [&](interception&) {
    const std::scoped_lock one{handle->serving};
    handle->service.stop();
    return int{OMNILINK_OK};
  });
}

int omnilink_callout_add(omnilink_handle* handle, const char* name, omnilink_callout_callback callback, void* user) {
  return call(handle, [&](interception& who) {
    if (name == nullptr) return bad(who, "name: NULL");
    const std::scoped_lock now{handle->told};
    auto no = handle->callouts.add(name, callback, user);
    return no ? fail(who, std::move(*no)) : int{OMNILINK_OK};
  });
}

int omnilink_callout_complete(omnilink_handle* handle, uint64_t token, const omnilink_answer* answer) {
  return call(handle, [&](interception& who) {
    omnilink_answer given;
    if (answer == nullptr) return bad(who, "answer: NULL");
    if (!read(answer, sizeof given, given) || given.reserved != 0) return bad_size(who, "omnilink_answer");
    auto no = handle->callouts.complete(token, given);
    return no ? fail(who, std::move(*no)) : int{OMNILINK_OK};
  });
}

int omnilink_on_verdict(omnilink_handle* handle, omnilink_verdict_callback callback, void* user) {
  return call(handle, [&](interception&) {
    const std::scoped_lock now{handle->told};
    handle->callouts.on_verdict(callback, user);
    return int{OMNILINK_OK};
  });
}

size_t omnilink_service_address(omnilink_handle* handle, uint32_t index, char* text, size_t size) {
  if (handle == nullptr) return copy_text({}, text, size);
  return guarded(handle->flows, size_t{0}, [&] {
    const std::scoped_lock one{handle->serving};
    const auto all = handle->service.addresses();
    return copy_text(index < all.size() ? all[index] : std::string{}, text, size);
  });
}

}  // extern "C"
