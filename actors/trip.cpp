#include "actors/trip.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <optional>

#include "actors/access_log.hpp"
#include "interceptor/explicit.hpp"
#include "interceptor/original_destination.hpp"
#include "io/accept.hpp"
#include "io/log.hpp"
#include "io/tls.hpp"
#include "nat/names.hpp"

namespace omnilink::actors {
namespace {

namespace asio = boost::asio;
using core::errc;
using interceptor::listen_kind;

// Of a connection that ended before it had a chain.
const way_numbers unknown_way{numbering::no_chain, {}};

class trip {
 public:
  trip(worker& home, const way_in& by, const core::flow_key& key, io::tcp::socket accepted, admission::place held)
      : held_{std::move(held)}, home_{home}, settings_{home.settings}, kind_{by.kind}, listener_{listener_of(settings_->config(), by)},
        client_{io::make_tcp_stream(std::move(accepted))}, key_{key}, slot_{home.open(key_.source)} {}

  ~trip() {
    client_.reset();
    home_.close(slot_);
  }

  asio::awaitable<void> run() {
    co_await arrive();
    held_.end_handshake();
    if (ok()) co_await record();
    if (ok()) co_await travel();
    finish();
  }

  void failed(const char* what) {
    io::log::at_most_once_a_second(io::log::level::error, "connection-failed", {{"id", slot_.info.id}, {"what", what}});
    client_->set_reset_on_close();
    end(errc::internal, core::step::none);
    finish();
  }

 private:
  // Null: the sandbox's.
  static const interceptor::listener_config* listener_of(const configuration& config, const way_in& by) noexcept {
    return by.listener == way_in::unnamed ? nullptr : &config.listeners[by.listener];
  }

  bool ok() const noexcept { return verdict_.ok(); }
  bool intercepted() const noexcept { return kind_ == listen_kind::redirect; }
  bool sandboxed() const noexcept { return intercepted() && home_.shared.sandboxed; }

  void end(errc code, core::step where, int system_errno = 0) {
    verdict_ = {};
    verdict_.code = slot_.cancel.canceled() ? slot_.cancel.why() : code;
    verdict_.step = where;
    verdict_.system_errno = system_errno;
  }

  // Where did it want to go?
  asio::awaitable<void> arrive() {
    slot_.info.phase = "handshake";
    if (listener_ && !listener_->admits(key_.source.address)) co_return end(errc::permission_denied, core::step::accept);
    // Reset in the queue already; where the client is to be heard first, that shows by itself.
    const bool heard_first = !intercepted() && kind_ != listen_kind::tcp;
    if (!heard_first && io::peer_address(client_->socket().native_handle()).port == 0)
      co_return end(errc::reset, core::step::accept);
    if (intercepted()) {
      co_await arrive_redirected();
    } else if (kind_ == listen_kind::tcp) {
      arrive_fixed();
    } else {
      co_await arrive_explicit();
    }
    if (!ok()) co_return;
    slot_.info.original = original_;
    if (!original_.is_name() && !sandboxed() && home_.shared.own.contains(original_.endpoint())) {
      end(errc::loop, core::step::accept);
    }
  }

  asio::awaitable<void> arrive_redirected() {
    const auto asked = interceptor::original_destination(client_->socket().native_handle());
    if (asked.has_error()) co_return end(asked.error(), core::step::accept);
    dialled_ = asked->address;
    original_ = core::target{*asked};
    if (home_.shared.redirects_here) {
      auto known = home_.shared.own_pairs.accepted(key_.source, *asked);
      if (known.loops) co_return end(errc::loop, core::step::accept);
      remembered_ = std::move(known.held);
    }
    if (!sandboxed() || !nat::names::in_pool(dialled_)) co_return;
    const interceptor_actor who = home_.shared.who.interceptor();
    auto name = co_await ask<std::string>(home_.questions, who, ask_timeout, name_atom::value, dialled_);
    // A fake address that nobody was given leads nowhere; it must not leave the machine.
    if (!name) co_return end(errc::internal, core::step::accept);
    if (name->empty()) co_return end(errc::name_not_found, core::step::accept);
    original_ = core::target{std::move(*name), asked->port};
  }

  void arrive_fixed() {
    original_ = listener_->to;
    if (!original_.is_name()) dialled_ = original_.address;
  }

  asio::awaitable<void> arrive_explicit() {
    io::deadlines::timer deadline{home_.deadlines};
    deadline.arm(core::clock::now() + settings_->config().service.handshake_timeout,
                 [this] { slot_.cancel.cancel(errc::timed_out); });
    io::canceler checking;  // of a password, which does not wait for the client
    const auto cut = [this, &checking] {
      client_->close();
      checking.cancel(slot_.cancel.why());
    };
    if (!slot_.cancel.arm(cut)) co_return end(slot_.cancel.why(), core::step::accept);
    std::optional<interceptor::gatekeeper> gate;
    if (listener_->users) gate.emplace(interceptor::gatekeeper{*listener_->users, home_.shared.passwords, checking});
    request_ = co_await interceptor::read_request(*client_, kind_, gate ? &*gate : nullptr);
    slot_.cancel.disarm();
    if (request_.code != errc::ok) {
      const bool login = request_.code == errc::auth_required || request_.code == errc::auth_failed;
      end(request_.code, login ? core::step::auth : core::step::accept, request_.system_errno);
      verdict_.detail = request_.detail;
      co_return;
    }
    original_ = request_.destination;
    if (!original_.is_name()) dialled_ = original_.address;
  }

  nat::entry entry() const {
    nat::entry out;
    out.key = key_;
    out.original = original_;
    out.original_address = dialled_;
    out.connection = slot_.info.id;
    out.cookie = io::socket_cookie(client_->socket().native_handle());
    out.redirected = intercepted();
    out.chain = way_ ? way_->name : std::string{};
    return out;
  }

  // The worker with this flow's shard: this one, wherever the kernel steers.
  worker& shard_owner() const noexcept {
    const auto& workers = home_.shared.workers;
    return *workers[core::shard_of(key_.source.port, static_cast<std::uint32_t>(workers.size()))];
  }

  static asio::awaitable<nat_inserted> insert_at(worker& there, const nat::entry& flow) {
    co_return there.flows.insert(flow, core::clock::now());
  }
  static void close_at(worker& there, const core::flow_key& key, std::uint64_t generation) {
    there.flows.close(key, generation, core::clock::now());
    there.schedule_sweep();
  }

  // Which chain, and the NAT entry: from here on the question "where did it want to go?" has an answer.
  asio::awaitable<void> record() {
    const auto routed = settings_->all->router.route(original_, sandboxed());
    way_ = routed.way;
    slot_.info.chain = way_->name;
    slot_.way = &settings_->all->numbers_of(*way_);
    worker& owner = shard_owner();
    if (&owner == &home_) {
      recorded_ = home_.flows.insert(entry(), core::clock::now());
    } else {
      // Not through the shard's actor: whatever becomes of that, this flow must be recorded, and closed, exactly once.
      const nat::entry flow = entry();
      auto inserting = insert_at(owner, flow);
      recorded_ = co_await asio::co_spawn(owner.execution.io(), std::move(inserting), asio::use_awaitable);
    }
    if (recorded_.code != errc::ok) end(recorded_.code, core::step::accept);
  }

  asio::awaitable<void> travel() {
    slot_.info.phase = "dial";
    dialed_ = co_await chain::dial(*way_, original_, settings_->dialling, slot_.cancel);
    verdict_ = dialed_.verdict;
    home_.saw(*slot_.way, *way_, dialed_);
    if (!ok()) co_return;
    if (request_.reply_due) {
      if (!slot_.cancel.arm([this] { client_->close(); })) co_return end(slot_.cancel.why(), core::step::relay);
      const auto answered = co_await interceptor::answer(*client_, request_, verdict_);
      slot_.cancel.disarm();
      if (!answered.done()) co_return end(answered.code, core::step::relay, answered.system_errno);
    }
    co_await carry();
  }

  asio::awaitable<void> carry() {
    slot_.info.phase = "relay";
    io::stream& upstream = *dialed_.upstream;
    // A kill is an RST both ways: neither side may take it for the stream's proper end.
    const auto cut = [this] {
      client_->set_reset_on_close();
      dialed_.upstream->set_reset_on_close();
      client_->close();
      dialed_.upstream->close();
    };
    if (!slot_.cancel.arm(cut)) co_return end(slot_.cancel.why(), core::step::relay);
    const auto& settings = settings_->config().service;
    const io::relay_options options{settings.idle_timeout, settings.half_close_timeout};
    const io::relay_result result =
        co_await io::relay(*client_, upstream, home_.buffer, home_.pipes, home_.deadlines, options, slot_.counters);
    slot_.cancel.disarm();
    if (result.code != errc::ok || slot_.cancel.canceled()) end(result.code, core::step::relay, result.system_errno);
    if (verdict_.code == errc::tls_failed) verdict_.detail = io::tls_failure(upstream);
  }

  void finish() {
    if (finished_) return;
    finished_ = true;
    if (recorded_.generation != 0) {
      worker& owner = shard_owner();
      if (&owner == &home_) {
        close_at(home_, key_, recorded_.generation);
      } else {
        asio::post(owner.execution.io(), [&owner, key = key_, generation = recorded_.generation] {
          close_at(owner, key, generation);
        });
      }
    }
    report();
  }

  void report() {
    if (verdict_.code == errc::loop || verdict_.code == errc::not_redirected) ++home_.shared.loops;
    if (verdict_.code == errc::permission_denied && verdict_.step == core::step::accept) ++home_.shared.denied;
    const trip_report line{slot_.info.id, key_.source, request_.user, original_, dialled_, way_ ? way_->name : std::string{},
                           dialed_.hop_times, slot_.counters.up, slot_.counters.down,
                           core::clock::now() - slot_.info.begun, verdict_};
    home_.counted.ended(slot_.way ? *slot_.way : unknown_way, line);
    slot_.counters.up = slot_.counters.down = 0;  // they are counted; the slot lives on while the client reads why it was refused
    log_access(line, settings_->config());
  }

 public:
  /// What the client of a failed trip gets: the protocol's own answer, or an RST that no one takes for an end.
  asio::awaitable<void> refuse() {
    if (ok() || !client_->socket().is_open()) co_return;
    const bool killed = slot_.cancel.why() == errc::canceled || slot_.cancel.why() == errc::shutting_down;
    const bool answers = !killed && verdict_.step != core::step::relay && request_.reply_due;
    if (!answers && !request_.refused) {
      client_->set_reset_on_close();
      co_return;
    }
    io::deadlines::timer deadline{home_.deadlines};
    deadline.arm(core::clock::now() + refusal_timeout, [this] { client_->close(); });
    if (answers) {
      const auto answered = co_await interceptor::answer(*client_, request_, verdict_);
      if (!answered.done()) co_return;
    }
    co_await interceptor::linger(*client_);
  }

 private:
  /// How long a client may take to read why it was refused.
  static constexpr core::nanoseconds refusal_timeout = std::chrono::seconds{2};

  admission::place held_;
  worker& home_;
  const std::shared_ptr<const worker_settings> settings_;  // whatever is reloaded meanwhile
  const listen_kind kind_;
  const interceptor::listener_config* const listener_;
  std::unique_ptr<io::stream> client_;
  const core::flow_key key_;
  connection& slot_;
  interceptor::explicit_request request_;
  core::target original_;
  core::address dialled_;
  const chain::chain* way_ = nullptr;
  interceptor::own_connections::ticket remembered_;
  nat_inserted recorded_{errc::ok, 0};
  chain::dialed dialed_;
  core::verdict verdict_;
  bool finished_ = false;
};

}  // namespace

asio::awaitable<void> run_trip(worker& home, way_in by, core::flow_key key, io::tcp::socket accepted, admission::place held) {
  std::optional<trip> one;
  const char* defect = nullptr;
  std::string what;
  try {
    one.emplace(home, by, key, std::move(accepted), std::move(held));
    co_await one->run();
    co_await one->refuse();
  } catch (const std::exception& error) {
    what = error.what();
    defect = what.c_str();
  } catch (...) {
    defect = "unknown exception";
  }
  if (defect && one) one->failed(defect);
}

}  // namespace omnilink::actors
