#include "actors/trip.hpp"

#include <array>
#include <exception>
#include <optional>

#include "actors/access_log.hpp"
#include "actors/explicit_client.hpp"
#include "actors/first_bytes.hpp"
#include "actors/flow_record.hpp"
#include "actors/library_question.hpp"
#include "actors/opener.hpp"
#include "actors/sandbox_names.hpp"
#include "actors/standing.hpp"
#include "core/nearest_word.hpp"
#include "interceptor/cgroup/origin.hpp"
#include "interceptor/original_destination.hpp"
#include "io/accept.hpp"
#include "io/http_exchange.hpp"
#include "io/log.hpp"
#include "io/tls.hpp"
#include "io/wait.hpp"
#include "nat/names.hpp"

namespace omnilink::actors {
namespace {

using core::errc;
using interceptor::listen_kind;
using interceptor::filter::layer_id;

// Of a connection that ended before it had a chain.
const way_numbers unknown_way{numbering::no_chain, {}};

class trip : public io::pooled {
 public:
  trip(worker& home, const way_in& by, const core::flow_key& key, io::tcp_socket accepted, admission::place held)
      : held_{std::move(held)}, home_{home}, arrived_by_{home.settings}, settings_{arrived_by_}, by_{by},
        listener_{by.listener == way_in::unnamed ? nullptr : &arrived_by_->config().listeners[by.listener]},
        client_{io::make_tcp_stream(std::move(accepted), io::nagle::off)}, key_{key}, slot_{home.open(key_.source)}, recorded_{home, key_} {}

  ~trip() {
    client_.reset();
    home_.close(slot_);
  }

  // One leg, for most; an HTTP client may go on with another origin, or after a refusal: each leg is an access line of its own.
  io::task<> run() {
    co_await arrive();
    held_.end_handshake();
    for (bool again = true; again;) {
      if (ok()) co_await record();
      if (ok() && asks_at(layer_id::stream)) co_await hear();
      if (ok()) co_await reach();
      if (ok()) begin_flow();
      if (ok() && forwards()) co_await forward();
      else if (ok()) co_await carry();
      finish();
      again = goes_on();
      if (again) again = co_await begin_again();
    }
  }

  void failed(const std::string& what) {
    io::log::at_most_once_a_second(io::log::level::error, "connection-failed", {{"id", slot_.info.id}, {"what", what}});
    client_->set_reset_on_close();
    end(errc::internal, core::step::none);
    finish();
  }

 private:
  bool ok() const noexcept { return verdict_.ok(); }
  bool intercepted() const noexcept { return by_.by.has_value(); }
  // And the program's socket has where it wanted to go as its peer.
  bool dials_original() const noexcept { return intercepted() && by_.by != core::mechanism::cgroup; }
  bool silent() const noexcept { return ruled_.silent; }
  bool forwards() noexcept { return asks_ && asks_->request().http != nullptr; }
  bool sandboxed() const noexcept { return intercepted() && home_.shared.sandboxed; }

  void end(errc code, core::step where, int system_errno = 0) {
    verdict_ = {};
    verdict_.code = slot_.cancel.canceled() ? slot_.cancel.why() : code;
    verdict_.step = where;
    verdict_.system_errno = system_errno;
  }

  // Where did it want to go?
  io::task<> arrive() {
    slot_.info.phase = "handshake";
    if (listener_ && !listener_->admits(key_.source.address)) co_return end(errc::permission_denied, core::step::accept);
    // Reset in the queue already; where the client is to be heard first, that shows by itself.
    const bool heard_first = !intercepted() && by_.kind != listen_kind::tcp;
    if (!heard_first && io::peer_address(client_->socket().native_handle()).port == 0)
      co_return end(errc::reset, core::step::accept);
    if (by_.by == core::mechanism::cgroup) arrive_hooked();
    else if (intercepted()) co_await arrive_intercepted();
    if (ok() && incoming()) ask_about_arrival();
    if (ruled_.pended) co_await find_out(&trip::ask_about_arrival);
    if (silent()) co_await hold();
    if (!ok()) co_return;
    if (by_.kind == listen_kind::tcp) wants(listener_->to);
    if (heard_first) {
      asks_ = std::make_unique<explicit_client>(home_, arrived_by_->config(), *listener_, slot_, *client_);
      co_await asks_->ask();
      take_request();
    }
    check_destination();
  }

  // What this machine's own programs open is outgoing.
  bool incoming() const noexcept { return listener_ && !(intercepted() && listener_->capture.direction == core::capture::way::out); }

  // May its client come, by the rules?
  void ask_about_arrival() {
    if (!settings_->policy) return;
    prepare_ruling();
    ruled_ = rule_on_arrival(asked(original_), *settings_);
    arrival_ = std::make_unique<ruling>(ruled_);
    obey();
  }

  void check_destination() {
    if (!ok()) return;
    slot_.info.original = original_;
    refuse_own(original_);
  }

  void refuse_own(const core::target& where) {
    if (!where.is_name() && !sandboxed() && home_.shared.own.contains(where.endpoint())) end(errc::loop, core::step::accept);
  }

  io::task<> arrive_intercepted() {
    const int fd = client_->socket().native_handle();
    const auto asked = interceptor::original_destination(fd, key_.local, *by_.by);
    if (asked.has_error()) co_return end(asked.error(), core::step::accept);
    dialled_ = asked->address;
    original_ = core::target{*asked};
    if (home_.shared.redirects_here) {
      auto known = by_.by == core::mechanism::redirect ? interceptor::own_connections::remembered{{}, interceptor::is_ours(fd)} : home_.shared.own_pairs.accepted(key_.source, *asked);
      if (known.loops) co_return end(errc::loop, core::step::accept);
      remembered_ = std::move(known.held);
    }
    if (!sandboxed() || !nat::names::in_pool(dialled_)) co_return;
    auto name = co_await name_behind(home_, dialled_);
    // A fake address that nobody was given leads nowhere; it must not leave the machine.
    if (!name || name->empty()) co_return end(name ? errc::name_not_found : errc::internal, core::step::accept);
    original_ = core::target{std::move(*name), asked->port};
  }

  void arrive_hooked() {
    auto asked = interceptor::cgroup::origin_of(home_.shared.origins.get(), home_.shared.exe_paths.get(), client_->socket().native_handle());
    if (asked.has_error()) return end(asked.error(), core::step::accept);
    dialled_ = asked->destination.address;
    original_ = core::target{asked->destination};
    opener_.is(std::move(asked->program), asked->cgroup);
  }

  void wants(const core::target& where) {
    original_ = where;
    dialled_ = where.is_name() ? core::address{} : where.address;
  }

  void take_request() {
    const interceptor::explicit_request& asked = asks_->request();
    user_ = asked.user;
    if (asked.code == errc::ok) return wants(asked.destination);
    const bool login = asked.code == errc::auth_required || asked.code == errc::auth_failed;
    end(asked.code, login ? core::step::auth : core::step::accept, asked.system_errno);
    verdict_.detail = asked.detail;
  }

  // Who opened it, where somebody asks.
  io::task<> learn(asked_facts asked) {
    // An explicit client's socket has our listener as its peer, and so has one whose connect() was changed.
    const core::endpoint peer = dials_original() ? core::endpoint{dialled_, original_.port} : key_.local;
    co_await opener_.find_out(asked, client_->socket().native_handle(), peer);
    if (slot_.cancel.canceled()) end(slot_.cancel.why(), core::step::accept);
  }

  nat::entry entry() const {
    nat::entry out = entry_of(key_, original_, opener_.program(), ruled_, way_);
    out.original_address = dialled_;
    out.connection = slot_.info.id;
    out.cookie = io::socket_cookie(client_->socket().native_handle());
    out.redirected = dials_original();
    return out;
  }

  // Which chain, by the rules. The sandbox's loopback is the host's, and no rule's.
  void choose_way() {
    if (sandboxed() && !original_.is_name() && original_.address.is_loopback()) {
      way_ = settings_->all->router.route(original_, true).way;
      return;
    }
    prepare_ruling();
    ruled_ = rule_on(asked(original_), *settings_, arrival_ ? *arrival_ : ruling{});
    way_ = ruled_.way;
    if (ruled_.redirected) refuse_own(*ruled_.redirected);
    if (ok() && way_) standing_.begin(incoming());
    obey();
  }

  // Who is asked again is asked about the same.
  void prepare_ruling() {
    if (!ruled_.pended) minute_ = minute_of_the_week();
    if (settings_->policy && !flow_) flow_ = std::make_unique<interceptor::filter::flow>();
  }

  asked_connection asked(const core::target& where) {
    const std::string_view listener = listener_ ? std::string_view{arrived_by_->all->listener_names[by_.listener]} : "sandbox";
    const core::endpoint came_to = intercepted() ? core::endpoint{dialled_, original_.port} : key_.local;
    return {where, key_, came_to, listener, minute_, opener_.program().get(), opener_.interface(), settings_->asked.netns ? opener_.netns() : 0, flow_.get(), false, false, ruled_.pended};
  }

  // What the rules could not say without; then they are asked again.
  io::task<> find_out(void (trip::*again)()) {
    while (ok() && ruled_.pended) {
      co_await ask_library(home_, slot_, asked(destination()), *settings_);
      if (slot_.cancel.canceled()) co_return end(slot_.cancel.why(), core::step::accept);
      (this->*again)();
    }
  }

  void obey() {
    if (!ok() || ruled_.code == errc::ok) return;
    standing_.end();
    end(ruled_.code, way_ ? core::step::none : core::step::accept);
    verdict_.detail = ruled_.reason.empty() ? "by " + core::quoted(ruled_.rule) + why_unanswered(flow_.get(), ruled_) : std::string{ruled_.reason};
  }

  // Only of connections that are ruled at all.
  bool asks_at(layer_id where) const noexcept { return flow_ && actors::asks_at(where, *settings_); }

  void obey(const interceptor::filter::decision& said) { if (refuses(said, settings_->all->router, ruled_)) obey(); }

  // The stream layer, which may want to know what the client says first.
  io::task<> hear() {
    const auto said = ask_at(layer_id::stream, asked(destination()), *settings_);
    obey(said);
    // A client that waits for its answer says nothing before.
    const bool listens = ok() && said.need_more != 0 && !forwards();
    if (listens && asks_) co_await asks_->confirm(verdict_);
    if (listens && ok()) co_await listen(said.wait);
    if (ok()) refined_ = sniffed_target(asked(original_), ruled_, *settings_);
    if (silent()) co_await hold();
  }

  io::task<> listen(core::nanoseconds wait) {
    if (!slot_.cancel.arm([this] { client_->close(); })) co_return end(slot_.cancel.why(), core::step::accept);
    first_bytes heard{*client_, home_.deadlines, core::clock::now() + wait};
    for (bool goes_on = true; goes_on;) {
      const errc code = co_await heard.more();
      if (code == errc::timed_out) break;
      if (code != errc::ok) co_return end(code, core::step::accept);
      const auto said = ask_at(layer_id::stream, asked(destination()), *settings_, heard.all());
      obey(said);
      goes_on = ok() && said.need_more != 0;
    }
    slot_.cancel.disarm();
    heard.give_back();
  }

  // Where it goes, which a rule may have changed.
  const core::target& destination() const noexcept { return ruled_.redirected ? *ruled_.redirected : original_; }

  // The chain and the NAT entry: from here on the question "where did it want to go?" has an answer.
  io::task<> record() {
    settings_ = home_.settings;
    if (const asked_facts asked = home_.asked(); asked.about_opener()) co_await learn(asked);
    if (!ok()) co_return;
    choose_way();
    if (ruled_.pended) co_await find_out(&trip::choose_way);
    if (!way_) co_return;
    // Changed while it was found out who asks.
    if (ok() && settings_ != home_.settings) standing_.ask_again(*home_.settings);
    slot_.info.chain = way_->name;
    slot_.way = &settings_->all->numbers_of(*way_);
    nat::entry flow = entry();
    errc code = errc::ok;
    if (recorded_.belongs_here()) code = recorded_.open_here(std::move(flow));
    else code = co_await recorded_.open_there(flow);
    if (code != errc::ok) end(code, core::step::accept);
    if (silent()) co_await hold();
  }

  // The client waits until it gives up, or for as long as others wait for a chain.
  io::task<> hold() { return hold_unanswered(home_, slot_, *client_, core::clock::now() + settings_->config().timeouts.chain); }

  io::task<> reach() {
    slot_.info.phase = "dial";
    const core::address* source = listener_ && listener_->original_source ? &key_.source.address : nullptr;
    co_await chain::dial(*way_, refined_ ? *refined_ : destination(), settings_->dialling, slot_.cancel, source, dialed_);
    home_.saw(*slot_.way, *way_, dialed_);
    const bool waits = ok() && !forwards() && asks_ && asks_->request().reply_due;
    if (waits) co_await asks_->confirm(verdict_);
  }

  // Both ends are connected.
  void begin_flow() {
    established_ = true;
    if (asks_at(layer_id::flow_established)) obey(ask_at(layer_id::flow_established, asked(destination()), *settings_));
  }

  void end_flow() {
    if (established_ && asks_at(layer_id::flow_closed)) ask_at(layer_id::flow_closed, asked(destination()), *settings_);
    established_ = false;
  }

  // A kill is an RST both ways: neither side may take it for the stream's proper end.
  bool arm_cut() {
    const auto cut = [this] {
      client_->set_reset_on_close();
      dialed_.upstream->set_reset_on_close();
      client_->close();
      dialed_.upstream->close();
    };
    if (slot_.cancel.arm(cut)) return true;
    end(slot_.cancel.why(), core::step::relay);
    return false;
  }

  io::relay_options relaying() {
    const auto& settings = settings_->config().service;
    io::relay_options out{settings.idle_timeout, settings.half_close_timeout};
    if (!flow_) return out;
    out.up = flow_->limits_up();
    out.down = flow_->limits_down();
    if (!asks_at(layer_id::stream)) return out;
    // The stream layer again, which may have known enough of the client.
    out.on_answer = [this](io::bytes answer) {
      obey(ask_at(layer_id::stream, asked(destination()), *settings_, answer, speaker::target));
      return verdict_.code;
    };
    return out;
  }

  io::task<> carry() {
    slot_.info.phase = "relay";
    asks_.reset();  // has said all that it wanted to
    io::stream& upstream = *dialed_.upstream;
    if (!arm_cut()) co_return;
    const io::relay_options options = relaying();
    const io::relay_result result =
        co_await io::relay(*client_, upstream, home_.buffer, home_.pipes, home_.deadlines, options, slot_.counters);
    slot_.cancel.disarm();
    const bool ended = result.code != errc::ok || slot_.cancel.canceled();
    if (ended && ok()) end(result.code, core::step::relay, result.system_errno);
    if (verdict_.code == errc::tls_failed) verdict_.detail = io::tls_failure(upstream);
  }

  // Plain HTTP: requests to one origin, and its answers.
  io::task<> forward() {
    for (bool reused = false;; reused = true) {
      slot_.info.phase = "relay";
      if (!arm_cut()) co_return;
      const io::exchange_result done = co_await io::http_exchange(*client_, *dialed_.upstream, *asks_->request().http, slot_.draining,
                                                                  home_.deadlines, relaying(), slot_.counters);
      slot_.cancel.disarm();
      if (done.code != errc::ok || slot_.cancel.canceled()) co_return end_exchange(done, reused);
      if (done.upgraded) co_return co_await carry();
      ends_ = !done.client_goes_on;
      if (ends_) co_return;
      const interceptor::explicit_request before = std::move(asks_->request());
      pending_ = co_await asks_->ask_again();
      if (!pending_) {
        if (slot_.cancel.canceled()) end(slot_.cancel.why(), core::step::relay);
        co_return;
      }
      if (!done.upstream_goes_on || !goes_on_after(before)) co_return;
      pending_ = false;
    }
  }

  // What the origin, or the way there, did to a request. Who has no byte of an answer is told; but not where the origin had closed a
  // connection that was kept: nothing is sent twice by us (B10), and the client knows best what it may send again.
  void end_exchange(const io::exchange_result& done, bool reused) {
    const bool tells = !done.answered && !reused && done.failed != io::relay_side::client;
    end(done.code, tells ? core::step::request : core::step::relay, done.system_errno);
    if (done.failed == io::relay_side::client) return;
    verdict_.hop = way_->is_direct() ? 0 : static_cast<int>(way_->hops.size());
    verdict_.hop_name = destination().to_string();
  }

  // The same client, to the same origin, whose connection has neither ended nor said anything meanwhile.
  bool goes_on_after(const interceptor::explicit_request& before) {
    const interceptor::explicit_request& now = asks_->request();
    if (now.code != errc::ok || !now.http || now.user != before.user || now.destination != before.destination) return false;
    std::array<std::uint8_t, 1> unasked;
    dialed_.upstream->socket().forget();
    return dialed_.upstream->read(unasked).blocked();
  }

  // Something is left to be said, or heard.
  bool goes_on() {
    if (pending_ || ends_) return true;
    if (!ok() && asks_ && !silent()) return true;
    if (!ok()) client_->set_reset_on_close();
    return false;
  }

  // The next leg, if there is one: true once it has its request.
  io::task<bool> begin_again() {
    if (!pending_) {
      if (ends_) co_await asks_->say_goodbye();
      if (ok()) co_return false;
      // One wait for each statement: g++ 12 destroys what the other half of an || was to wait for, though it never was made.
      const bool may_ask = co_await asks_->refuse(verdict_);
      if (!may_ask) co_return false;
      const bool asked = co_await asks_->ask_again();
      if (!asked) co_return false;
    }
    pending_ = false;
    finished_ = false;
    verdict_ = {};
    dialed_ = {};
    way_ = nullptr;
    ruled_ = {};
    refined_.reset();
    slot_.counters = {};
    slot_.info.begun = core::clock::now();
    original_ = {};
    dialled_ = {};
    take_request();
    check_destination();
    co_return true;
  }

  void finish() {
    if (finished_) return;
    finished_ = true;
    standing_.end();
    if (verdict_.code == errc::rules_changed) verdict_.detail = standing_.why();
    recorded_.close();
    end_flow();
    report();
    flow_.reset();  // what callouts count of it is theirs again
  }

  void report() {
    if (verdict_.code == errc::loop || verdict_.code == errc::not_redirected) ++home_.shared.loops;
    if (verdict_.code == errc::permission_denied && verdict_.step == core::step::accept) ++home_.shared.denied;
    const trip_report line{slot_.info.id, key_.source, user_, original_, dialled_, way_ ? way_->name : std::string{}, ruled_.rule, opener_.program(),
                           flow_ ? flow_->sniffed_name : std::string{}, flow_ ? flow_->tags : std::vector<std::string>{}, dialed_.hop_times, slot_.counters.up, slot_.counters.down,
                           core::clock::now() - slot_.info.begun, verdict_};
    home_.counted.ended(slot_.way ? *slot_.way : unknown_way, line);
    slot_.counters.up = slot_.counters.down = 0;  // they are counted; the slot lives on while the client reads why it was refused
    log_access(line, settings_->config());
    if (home_.shared.library) tell_library(*home_.shared.library, line);
  }

  admission::place held_;
  worker& home_;
  const std::shared_ptr<const worker_settings> arrived_by_;
  std::shared_ptr<const worker_settings> settings_;  // of this leg, whatever is reloaded meanwhile
  const way_in by_;
  const interceptor::listener_config* const listener_;  // null: the sandbox's
  std::unique_ptr<io::stream> client_;
  const core::flow_key key_;
  connection& slot_;
  opener opener_{home_, slot_, key_};
  std::unique_ptr<explicit_client> asks_;  // of a listener whose clients say where they want to go, until they have all that was to be said
  core::target original_;
  core::address dialled_;
  const chain::chain* way_ = nullptr;
  std::unique_ptr<ruling> arrival_;  // null: it was not asked about
  ruling ruled_;
  standing standing_{home_, slot_, ruled_, [this] { return asked(original_); }};
  std::uint64_t minute_ = 0;  // of the week, when it was ruled on
  std::unique_ptr<interceptor::filter::flow> flow_;  // null: there are no rules
  std::optional<core::target> refined_;  // what the last hop is asked for, where it is not destination()
  interceptor::own_connections::ticket remembered_;
  flow_record recorded_;
  chain::dialed dialed_;
  core::verdict& verdict_ = dialed_.verdict;
  std::string user_;
  bool established_ = false, finished_ = false;
  bool pending_ = false, ends_ = false;  // a request waits for the next leg; the client has its last answer
};

// An exception ends this connection only.
io::task<> run(std::unique_ptr<trip> one) {
  std::string defect;
  try {
    co_await one->run();
    co_return;
  } catch (const std::exception& error) {
    defect = error.what();
  } catch (...) {
    defect = "unknown exception";
  }
  one->failed(defect);
}

}  // namespace

void begin_trip(worker& home, const way_in& by, const core::flow_key& key, io::tcp_socket accepted, admission::place held) {
  io::start(run(std::make_unique<trip>(home, by, key, std::move(accepted), std::move(held))));
}

}  // namespace omnilink::actors
