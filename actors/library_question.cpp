#include "actors/library_question.hpp"

#include <algorithm>
#include <utility>

#include "io/log.hpp"

namespace omnilink::actors {
namespace {

namespace filter = interceptor::filter;
using filter::layer_id;
using interceptor::library;
using interceptor::library_outcome;
using wire::callout_answer;
using wire::callout_question;

bool is_arrival(layer_id at) noexcept { return at == layer_id::accept_v4 || at == layer_id::accept_v6; }

callout_question::layer layer_of(layer_id at) noexcept {
  using enum callout_question::layer;
  if (is_arrival(at)) return accept;
  return at == layer_id::connect_auth_v4 || at == layer_id::connect_auth_v6 ? connect_auth : connect_redirect;
}

callout_question question_of(const asked_connection& what, const filter::filter& by, std::uint64_t connection) {
  callout_question out;
  out.connection = connection;
  out.at = layer_of(by.layer);
  out.source = what.key.source;
  out.local = what.key.local;
  out.destination = what.where;
  if (what.program) out.program = *what.program;
  out.callout = by.action.name;
  out.filter = by.name;
  out.listener = what.listener;
  return out;
}

// nullopt in `what`: no opinion. False: not here.
bool take(const callout_answer& said, layer_id at, const chain::router& ways, std::optional<filter::action>& what) {
  using enum callout_answer::what;
  switch (said.action) {
    case go_on:
      what.reset();
      return true;
    case permit:
      what = filter::action::permit();
      return true;
    case block:
      what = filter::action::block({filter::block_answer::how::silent, 0});
      return true;
    case reject:
      what = filter::action::block();
      return true;
    case direct:
      what = filter::action::direct();
      break;
    case chain:
      if (!ways.named(said.chain)) return false;
      what = filter::action::chain(said.chain);
      break;
    case redirect:
      what = filter::action::redirect({said.name, said.address, said.port});
      break;
    case none:
      return false;
  }
  return filter::why_not_allowed(at, what->kind).empty();
}

// Of a callout that the configuration has no more: as if it had said nothing.
interceptor::library_settings settings_of(const std::string& callout, const configuration& in) {
  const auto found = std::ranges::find(in.callouts, callout, &interceptor::callout_settings::name);
  const auto* out = found != in.callouts.end() ? std::get_if<interceptor::library_settings>(&found->what) : nullptr;
  return out ? *out : interceptor::library_settings{};
}

}  // namespace

io::task<> ask_library(worker& home, connection& slot, asked_connection what, const worker_settings& by) {
  const filter::filter& asks = *what.pended->by;
  const interceptor::library_settings settings = settings_of(asks.action.name, by.config());
  library::reply got{library_outcome::lost, {}};
  const char* const phase = std::exchange(slot.info.phase, "asked");
  if (library* who = home.shared.library) {
    callout_question question = question_of(what, asks, slot.info.id);
    got = co_await who->ask(std::move(question), settings.timeout, slot.cancel, home.execution.io());
    if (slot.cancel.canceled()) co_return;
  }
  slot.info.phase = phase;
  filter::outside_answer answer{asks.layer, asks.name, asks.action.name, settings.unanswered, {}};
  std::optional<filter::action> said;
  if (got.what == library_outcome::answered) {
    if (!take(got.said, asks.layer, by.all->router, said)) got.what = library_outcome::impossible;
    home.shared.library->count(got.what);
  }
  if (got.what == library_outcome::answered) {
    answer.what = std::move(said);
  } else {
    answer.missing = meaning_of(got.what);
    io::log::at_most_once_a_second(io::log::level::warn, "library-no-answer", {{"callout", answer.callout}, {"id", slot.info.id}, {"reason", answer.missing}});
  }
  what.flow->answers.push_back(std::move(answer));
}

std::string why_unanswered(const filter::flow* of, const ruling& refused) {
  if (!of || of->answers.empty()) return {};
  const filter::outside_answer& last = of->answers.back();
  return !last.missing.empty() && refused.rule.ends_with(last.filter) ? ": " + std::string{last.missing} : std::string{};
}

void tell_library(library& who, const trip_report& trip) {
  if (!who.wants_verdicts()) return;
  const core::verdict& v = trip.verdict;
  wire::callout_verdict out;
  out.connection = trip.id;
  out.up = trip.bytes_up;
  out.down = trip.bytes_down;
  out.duration_ms = static_cast<std::uint64_t>(core::to_milliseconds(trip.duration));
  out.code = v.code;
  out.step = v.step;
  out.hop = v.hop;
  out.system_errno = static_cast<std::uint32_t>(std::max(v.system_errno, 0));
  out.reply = v.reply;
  out.source = trip.source;
  out.original = trip.original;
  out.chain = trip.chain;
  out.rule = trip.rule;
  out.hop_name = v.hop_name;
  out.text = v.to_string();
  who.tell(out);
}

}  // namespace omnilink::actors
