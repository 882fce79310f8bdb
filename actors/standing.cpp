#include "actors/standing.hpp"

#include <array>

#include "io/wait.hpp"

namespace omnilink::actors {
namespace {

using interceptor::filter::on_change;

/// Of a client that gets no answer; one that says more than any request is long is closed.
constexpr std::size_t held_bytes = 64 * 1024;

}  // namespace

void standing::begin(bool is_incoming) {
  is_incoming_ = is_incoming;
  home_.on_change.add(*this);
}

void standing::end() {
  unlink();
  due_.disarm();
}

// Those that decided before say what a change of the decision does; where it is the same, others may have made it.
void standing::ask_again(const worker_settings& now) {
  interceptor::filter::flow anew;  // with the tags that it would get now
  asked_connection what = asked_();
  if (what.flow) anew.answers = what.flow->answers;
  what.flow = &anew;
  what.again = true;
  ruling fresh = is_incoming_ ? rule_on_arrival(what, now) : ruling{};
  if (fresh.code == core::errc::ok) fresh = rule_on(what, now, std::move(fresh));
  if (is_same(fresh, ruled_)) {
    ruled_.rule = fresh.rule;
    ruled_.on_change = fresh.on_change;
    why_.clear();
    due_.disarm();
    slot_.draining = home_.draining;
    return;
  }
  if (ruled_.on_change == on_change::keep) return;
  const auto word = interceptor::filter::on_change_words[static_cast<std::size_t>(ruled_.on_change)];
  why_ = std::string{word} + ", since it would be " + to_string(fresh) + " now";
  if (ruled_.on_change == on_change::close) return slot_.cancel.cancel(core::errc::rules_changed);
  if (!due_.armed()) {
    due_.arm(core::clock::now() + now.config().service.drain_timeout, [this] { slot_.cancel.cancel(core::errc::rules_changed); });
  }
  slot_.drain(core::errc::rules_changed);
}

io::task<> hold_unanswered(worker& home, connection& slot, io::stream& client, core::instant until) {
  slot.info.phase = "held";
  const auto cut = [&client] {
    client.set_reset_on_close();
    client.close();
  };
  io::deadlines::timer deadline{home.deadlines};
  deadline.arm(until, cut);
  if (!slot.cancel.arm(cut)) co_return;
  std::array<std::uint8_t, 1024> unheard;
  for (std::size_t taken = 0; taken < held_bytes;) {
    const auto got = co_await io::read_some(client, unheard);
    if (!got.done()) break;
    taken += got.count;
  }
  slot.cancel.disarm();
}

}  // namespace omnilink::actors
