#include "actors/explicit_client.hpp"

#include <array>
#include <optional>

#include "io/wait.hpp"

namespace omnilink::actors {
namespace {

using core::errc;
using interceptor::listen_kind;

/// How long a client may take to read why it was refused, or its last answer.
constexpr core::nanoseconds goodbye_timeout = std::chrono::seconds{2};

/// Between two requests, as long as the common servers wait.
constexpr core::nanoseconds keep_alive = std::chrono::seconds{60};

}  // namespace

io::task<> explicit_client::ask() { return read(by_.kind); }

io::task<> explicit_client::read(listen_kind kind) {
  io::deadlines::timer deadline{home_.deadlines};
  deadline.arm(core::clock::now() + config_.service.handshake_timeout, [this] { slot_.cancel.cancel(errc::timed_out); });
  io::canceler checking;  // of a password, which does not wait for the client
  const auto cut = [this, &checking] {
    stream_.close();
    checking.cancel(slot_.cancel.why());
  };
  request_ = {};
  request_.code = slot_.cancel.why();
  if (!slot_.cancel.arm(cut)) co_return;
  std::optional<interceptor::gatekeeper> gate;
  if (by_.users) gate.emplace(interceptor::gatekeeper{*by_.users, home_.shared.passwords, checking, home_.execution.io()});
  request_ = co_await interceptor::read_request(stream_, kind, gate ? &*gate : nullptr);
  slot_.cancel.disarm();
}

io::task<bool> explicit_client::ask_again() {
  if (slot_.draining || !slot_.cancel.arm([this] { stream_.close(); })) co_return false;
  slot_.info.phase = "idle";
  slot_.idle = true;
  io::deadlines::timer deadline{home_.deadlines};
  deadline.arm(core::clock::now() + keep_alive, [this] { stream_.close(); });
  std::array<std::uint8_t, 1> first;
  const auto got = co_await io::read_some(stream_, first);
  deadline.disarm();
  slot_.cancel.disarm();
  slot_.idle = false;
  if (!got.done()) co_return false;
  stream_.unread(first);
  slot_.info.phase = "handshake";
  co_await read(listen_kind::http);
  co_return true;
}

io::task<> explicit_client::confirm(core::verdict& why) {
  io::progress answered = io::progress::fail(slot_.cancel.why());
  if (slot_.cancel.arm([this] { stream_.close(); })) {
    request_.reply_due = false;
    answered = co_await interceptor::answer(stream_, request_, why, false);
    slot_.cancel.disarm();
  }
  if (answered.done()) co_return;
  why.step = core::step::relay;
  why.code = answered.code;
  why.system_errno = answered.system_errno;
}

// An HTTP client may ask for something else, where no body of the refused request is in the way.
bool explicit_client::may_go_on() const noexcept {
  return request_.http && request_.http->persistent && request_.http->body.complete() && !slot_.draining && !slot_.cancel.canceled();
}

io::task<bool> explicit_client::refuse(const core::verdict& why) {
  if (!stream_.socket().is_open()) co_return false;
  const bool killed = slot_.cancel.why() == errc::canceled || slot_.cancel.why() == errc::shutting_down;
  const bool answers = !killed && why.step != core::step::relay && request_.reply_due;
  if (!answers && !request_.refused) {
    stream_.set_reset_on_close();
    co_return false;
  }
  io::deadlines::timer deadline{home_.deadlines};
  deadline.arm(core::clock::now() + goodbye_timeout, [this] { stream_.close(); });
  const bool goes_on = answers && may_go_on();
  if (answers) {
    const auto answered = co_await interceptor::answer(stream_, request_, why, goes_on);
    if (!answered.done()) co_return false;
  }
  if (goes_on) co_return true;
  co_await interceptor::linger(stream_);
  co_return false;
}

io::task<> explicit_client::say_goodbye() {
  io::deadlines::timer deadline{home_.deadlines};
  deadline.arm(core::clock::now() + goodbye_timeout, [this] { stream_.close(); });
  co_await interceptor::linger(stream_);
}

}  // namespace omnilink::actors
