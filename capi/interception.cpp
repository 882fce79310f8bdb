#include "capi/interception.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "capi/mirror.hpp"
#include "core/clock.hpp"
#include "interceptor/listening_sockets.hpp"
#include "io/error.hpp"

namespace omnilink::capi {

namespace cgroup = interceptor::cgroup;
using boost::system::in_place_error;

namespace {

problem because(cgroup::failure no) {
  const int code = no.system_errno == ESRCH ? int{OMNILINK_E_ARGUMENT} : static_cast<int>(io::to_errc_from_errno(no.system_errno));
  return {code, std::move(no.message)};
}

}  // namespace

wire::nat_answer to_answer(const cgroup::arrival& of) {
  wire::nat_answer out;
  out.what = wire::nat_answer::status::live;
  out.matches = 1;
  out.carrier = wire::nat_carrier::other;
  out.source = of.source;
  out.dialled = of.origin.destination;
  out.original = of.origin.destination;
  out.generation = out.cookie = of.socket;
  if (of.since.count() != 0) {
    const auto age = core::to_milliseconds(core::clock::now().time_since_epoch() - of.since);
    out.age_ms = age > 0 ? static_cast<std::uint64_t>(age) : 0;
  }
  out.pid = of.origin.program.pid.value_or(0);
  out.uid = of.origin.program.uid.value_or(OMNILINK_UNKNOWN_ID);
  out.gid = of.origin.program.gid.value_or(OMNILINK_UNKNOWN_ID);
  out.process = of.origin.program.process;
  return out;
}

interception::interception(std::optional<std::string> query_socket, bool mirrors) : query_socket_{std::move(query_socket)}, mirrors_{mirrors} {
  if (query_socket_) service_.emplace(*query_socket_);
}

interception::~interception() { stop(); }

// Outgoing first: what begins to listen meanwhile is seen, and what the agent sends on is known from the first connection on.
std::optional<interceptor::bpf::failure> in_force::attach(const cgroup::borrowed_listener& wanted) {
  std::vector<io::descriptor> sockets;
  if (wanted.incoming != 0 && (sockets = interceptor::listening_sockets(wanted.agent, wanted.incoming)).empty())
    return interceptor::bpf::failure{ESRCH, "process " + std::to_string(wanted.agent) + " does not listen on port " +
                                                std::to_string(wanted.incoming) + ", where incoming connections are to go; listen first"};
  ended = io::descriptor{::eventfd(0, EFD_CLOEXEC)};
  if (!ended) return interceptor::bpf::failure{errno, std::string{"eventfd: "} + std::strerror(errno)};
  if (auto no = outgoing.attach()) return no;
  if (sockets.empty()) return std::nullopt;
  for (const std::uint32_t pid : wanted.what.pids) {
    for (const std::uint16_t port : interceptor::listening_ports(pid)) outgoing.add_listened(port);
  }
  interceptor::sk_lookup::attachment to{.what = {}, .fail_closed = false, .sockets = {}, .listened = outgoing.listened_fd(), .onward = outgoing.onward_fd()};
  for (const auto& one : sockets) to.sockets.push_back(one.get());
  return incoming.install({to});
}

void in_force::stop() noexcept {
  incoming.withdraw();
  outgoing.stop();
  ::eventfd_write(ended.get(), 1);
}

std::shared_ptr<cgroup::redirection> interception::current() const {
  const std::scoped_lock now{state_};
  return current_ ? std::shared_ptr<cgroup::redirection>{current_, &current_->outgoing} : nullptr;
}

std::optional<problem> interception::start(const cgroup::borrowed_listener& wanted) {
  const std::scoped_lock one_at_a_time{starting_};
  std::uint64_t stops_before;
  {
    const std::scoped_lock now{state_};
    if (current_ && wanted_ == wanted) return std::nullopt;
    stops_before = stops_;
  }
  auto fresh = std::make_shared<in_force>();
  if (auto no = fresh->outgoing.load(wanted)) return because(std::move(*no));
  // Two of them at one place would take each other's connections.
  std::shared_ptr<in_force> old;
  {
    const std::scoped_lock now{state_};
    old = std::exchange(current_, nullptr);
  }
  if (old) old->stop();
  if (auto no = fresh->attach(wanted)) return because(std::move(*no));
  {
    const std::scoped_lock now{state_};
    if (stops_ == stops_before) {
      current_ = fresh;
      wanted_ = wanted;
      if (mirrors_ && query_socket_) mirror(std::move(fresh), *query_socket_);
      return std::nullopt;
    }
  }
  fresh->stop();
  return problem{core::errc::canceled, "stopped while it was starting"};
}

void interception::stop() noexcept {
  std::shared_ptr<in_force> old;
  {
    const std::scoped_lock now{state_};
    ++stops_;
    old = std::exchange(current_, nullptr);
  }
  if (old) old->stop();
}

interception::answer interception::ask_service(const wire::nat_question& question, int passed) {
  answer out = service_ ? service_->ask(question, passed) : wire::nat_answer{};
  // What it was told by one like us it knows a moment later, and for longer: where we would know it ourselves, that is no answer.
  const bool told = out.has_value() && out->is_flow() && out->carrier == wire::nat_carrier::other;
  return told && (mirrors_ || current()) ? wire::nat_answer{} : out;
}

interception::answer interception::from_port(std::uint16_t port) {
  if (const auto now = current()) {
    const auto found = now->from_port(port);
    if (found.matches == 1) return to_answer(found.one);
    if (found.matches > 1) {
      wire::nat_answer several;
      several.what = wire::nat_answer::status::ambiguous;
      several.matches = found.matches;
      return several;
    }
  }
  wire::nat_question question;
  question.what = wire::nat_question::kind::source_port;
  question.source.port = port;
  return ask_service(question);
}

interception::answer interception::from(const core::endpoint& source, const std::optional<core::endpoint>& local) {
  const auto now = current();
  if (now && (!local || local->port == now->port())) {
    if (const auto found = now->from(source); found.matches == 1) return to_answer(found.one);
  }
  wire::nat_question question;
  question.what = local ? wire::nat_question::kind::flow : wire::nat_question::kind::source;
  question.source = source;
  if (local) question.local = *local;
  return ask_service(question);
}

interception::answer interception::of(int accepted_fd) {
  if (const auto now = current()) {
    const auto found = now->of(accepted_fd);
    if (found.has_value()) return to_answer(*found);
    if (found.error() != core::errc::not_redirected) return {in_place_error, found.error(), std::string{core::meaning_of(found.error())}};
  }
  wire::nat_question question;
  question.what = wire::nat_question::kind::descriptor;
  return ask_service(question, accepted_fd);
}

bool interception::forget(std::uint16_t port) {
  const auto now = current();
  return now && now->forget(port);
}

void interception::remember(std::string text) {
  const std::scoped_lock now{state_};
  last_error_ = std::move(text);
}

std::string interception::remembered() const {
  const std::scoped_lock now{state_};
  return last_error_;
}

}  // namespace omnilink::capi
