#include "capi/judge.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "capi/structures.hpp"
#include "core/control.hpp"
#include "io/unix_socket.hpp"

namespace omnilink::capi {
namespace {

// Then whoever calls has its turn again.
constexpr int told_at_once = 256;
// A service that takes no answers for so long is stuck: its reader does nothing else.
constexpr std::chrono::milliseconds patience{1000};
// Some megabytes, of which the kernel gives what its limit allows: a burst of questions waits in it.
constexpr int room_wanted = 4 * 1024 * 1024;
// More of them have been answered in time, or never will be.
constexpr std::size_t pended_before_a_look = 1024;
// As many as a service lets wait; for one more there is no answer.
constexpr std::size_t pended_max = 4096;

problem system_problem(const char* what) { return {OMNILINK_E_IO_FAILED, std::string{what} + ": " + std::strerror(errno)}; }
problem ended() { return {core::errc::shutting_down, "the private service has ended"}; }

std::optional<problem> send(int to, wire::bytes packet) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const core::errc code = io::send_message(to, packet);
    if (code == core::errc::ok) return std::nullopt;
    if (code != core::errc::not_found) return ended();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd room{to, POLLOUT, 0};
    if (left.count() <= 0 || ::poll(&room, 1, static_cast<int>(left.count())) == 0) return problem{core::errc::timed_out, "the private service takes no answers"};
  }
}

template <std::size_t Room>
std::string_view text_in(const char (&from)[Room]) noexcept {
  return {from, ::strnlen(from, Room)};
}

// Empty: `into` is what it says; otherwise why it says nothing.
std::string read_answer(const omnilink_answer& from, wire::callout_answer& into) {
  if (from.reserved != 0) return "reserved: not 0";
  if (from.action > OMNILINK_CHAIN) return "action: " + std::to_string(from.action) + " is no answer";
  into.action = static_cast<wire::callout_answer::what>(from.action);
  if (from.action == OMNILINK_TO) {
    const std::string_view host = text_in(from.host);
    const auto where = core::target::parse_host(host, 0);
    if (!host.empty() && !where) return "host: neither a name nor an address";
    if (from.port > 65535) return "port: " + std::to_string(from.port) + " is no port";
    if (where && where->is_name()) into.name = where->name;
    else if (where) into.address = where->address;
    into.port = static_cast<std::uint16_t>(from.port);
    if (host.empty() && from.port == 0) return "host, port: neither says where to";
  }
  if (from.action == OMNILINK_CHAIN) {
    into.chain = text_in(from.chain);
    if (into.chain.empty()) return "chain: empty";
    if (into.chain.size() == sizeof from.chain) return "chain: longer than 63 bytes, or without its final zero";
  }
  return {};
}

}  // namespace

std::optional<problem> judge::add(std::string_view name, omnilink_callout_callback callback, void* user) {
  const bool clean = std::ranges::none_of(name, core::is_control);
  if (name.empty() || name.size() > wire::callout_name_max || !clean) return problem{OMNILINK_E_ARGUMENT, "name: 1 to 63 bytes, none of them a control character"};
  const std::scoped_lock now{state_};
  const auto found = callouts_.find(name);
  if (callback == nullptr) {
    if (found != callouts_.end()) callouts_.erase(found);
  } else if (found != callouts_.end()) {
    found->second = {callback, user};
  } else if (callouts_.size() >= wire::callouts_max) {
    return problem{core::errc::limit_reached, "there are 32 callouts already"};
  } else {
    callouts_.emplace(name, code{callback, user});
  }
  return std::nullopt;
}

void judge::on_verdict(omnilink_verdict_callback callback, void* user) {
  const std::scoped_lock now{state_};
  told_ = callback;
  told_user_ = user;
}

std::optional<problem> judge::connect(std::pair<io::descriptor, io::descriptor>& ends) {
  wire::callout_offer offer;
  {
    const std::scoped_lock now{state_};
    for (const auto& [name, unused] : callouts_) offer.names.push_back(name);
    offer.wants_verdicts = told_ != nullptr;
  }
  if (offer.names.empty() && !offer.wants_verdicts) return std::nullopt;
  int both[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both) != 0) return system_problem("a socket to the service");
  ends = {io::descriptor{both[0]}, io::descriptor{both[1]}};
  for (const int one : both) ::setsockopt(one, SOL_SOCKET, SO_SNDBUF, &room_wanted, sizeof room_wanted);
  return send(ends.first.get(), wire::encode(offer));
}

void judge::serve(io::descriptor own) {
  auto fresh = own ? std::make_shared<const io::descriptor>(std::move(own)) : nullptr;
  const std::scoped_lock now{state_};
  channel_ = std::move(fresh);
  pended_.clear();
}

std::shared_ptr<const io::descriptor> judge::channel() const {
  const std::scoped_lock now{state_};
  return channel_;
}

std::optional<problem> judge::tell(const std::shared_ptr<const io::descriptor>& from) {
  std::optional<problem> out;
  for (int n = 0; n < told_at_once; ++n) {
    std::array<std::uint8_t, std::max(wire::callout_question_size, wire::callout_verdict_size) + 1> packet;
    const io::unix_message got = io::receive_message(from->get(), packet);
    if (got.code == core::errc::not_found) break;
    // Once, where the service has ended without reading all answers; what it has said before is still there.
    if (got.code == core::errc::reset || got.code == core::errc::oversized) continue;
    const wire::bytes message{packet.data(), got.size};
    if (got.code != core::errc::ok) {
      const std::scoped_lock now{state_};
      if (channel_ == from) channel_.reset();
      return ended();
    }
    if (const auto question = wire::decode_callout_question(message)) {
      auto no = ask(*from, *question);
      if (no && no->code == OMNILINK_E_TIMED_OUT) return no;  // every other one would wait as long
      if (no && no->code != OMNILINK_E_SHUTTING_DOWN) out = std::move(no);  // its end comes behind its last words
    } else if (const auto verdict = wire::decode_callout_verdict(message)) {
      hear(*verdict);
    }
  }
  return out;
}

std::optional<problem> judge::ask(const io::descriptor& from, const wire::callout_question& question) {
  const auto until = clock::now() + std::chrono::milliseconds{question.limit_ms};
  code who{};
  {
    const std::scoped_lock now{state_};
    if (const auto found = callouts_.find(question.callout); found != callouts_.end()) who = found->second;
    // Before the callback: what it hands on may be answered before it returns.
    if (pended_.size() >= pended_before_a_look) forget_late(clock::now());
    if (pended_.size() >= pended_max) who = {};
    if (who.callback != nullptr) pended_.emplace(question.token, until);
  }
  omnilink_answer said{};
  said.size = sizeof said;
  if (who.callback != nullptr) {
    omnilink_question asked;
    fill(question, asked);
    who.callback(who.user, &asked, &said);
    if (said.action == OMNILINK_PEND) return std::nullopt;
    const std::scoped_lock now{state_};
    if (pended_.erase(question.token) == 0) return std::nullopt;  // it was answered meanwhile
  }
  wire::callout_answer answer;
  const std::string wrong = read_answer(said, answer);
  if (!wrong.empty()) answer = {};
  answer.token = question.token;
  auto no = send(from.get(), wire::encode(answer));
  if (no || wrong.empty()) return no;
  return problem{OMNILINK_E_ARGUMENT, "callout \"" + question.callout + "\": " + wrong};
}

void judge::hear(const wire::callout_verdict& verdict) const {
  omnilink_verdict_callback callback;
  void* user;
  {
    const std::scoped_lock now{state_};
    callback = told_;
    user = told_user_;
  }
  if (callback == nullptr) return;
  omnilink_verdict out;
  fill(verdict, out);
  callback(user, &out);
}

void judge::forget_late(clock::time_point now) {
  std::erase_if(pended_, [now](const auto& one) { return one.second <= now; });
}

std::optional<problem> judge::complete(std::uint64_t token, const omnilink_answer& given) {
  wire::callout_answer answer;
  if (std::string wrong = read_answer(given, answer); !wrong.empty()) return problem{OMNILINK_E_ARGUMENT, std::move(wrong)};
  answer.token = token;
  std::shared_ptr<const io::descriptor> to;
  {
    const std::scoped_lock now{state_};
    forget_late(clock::now());
    if (pended_.erase(token) == 0) return problem{core::errc::not_found, "token: no question waits for it, or its time is over"};
    to = channel_;
  }
  return to ? send(to->get(), wire::encode(answer)) : ended();
}

}  // namespace omnilink::capi
