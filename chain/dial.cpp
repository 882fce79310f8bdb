#include "chain/dial.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <optional>
#include <utility>

#include "io/accept.hpp"
#include "io/connect.hpp"
#include "io/drive.hpp"
#include "io/error.hpp"
#include "io/foreign_source.hpp"
#include "wire/http_connect.hpp"
#include "wire/socks4.hpp"
#include "wire/socks5.hpp"

namespace omnilink::chain {
namespace asio = boost::asio;
namespace {

using core::errc;
using core::step;

// netd has to make more, which takes it microseconds.
constexpr core::nanoseconds lend_pause = std::chrono::milliseconds{1};
// A port that was free when it was bound may be taken towards this target.
constexpr int foreign_attempts = 8;

// One dial in progress: the stream so far, what is left of the time, and the verdict as it would be now.
class attempt {
 public:
  attempt(const chain& way, const core::target& where, const dial_environment& env, io::canceler& owner, const core::address* source, dialed& out)
      : way_{way}, where_{where}, env_{env}, owner_{owner}, source_{way.is_direct() ? source : nullptr}, timer_{env.deadlines},
        begun_{core::clock::now()}, out_{out} {}

  bool ok() const noexcept { return out_.verdict.ok(); }
  void refuse() noexcept { out_.verdict.code = errc::rejected; }

  // Everything hop i has to do: be reached, be trusted, and say yes to the next address.
  io::task<> pass(std::size_t i) {
    const hop& h = way_.hops[i];
    const auto begun = i == 0 ? begun_ : core::clock::now();
    out_.verdict.hop = static_cast<int>(i);
    out_.verdict.hop_name = h.name;
    arm_deadline(begun);
    if (i == 0) co_await connect(h.where, &h);
    if (ok() && h.tls) co_await secure(h);
    if (ok()) {
      const core::target& next = i + 1 < way_.hops.size() ? way_.hops[i + 1].where : where_;
      co_await request(h, next);
    }
    leave_hop(begun);
    if (ok()) {
      out_.verdict.hop = core::verdict::no_hop;
      out_.verdict.hop_name.clear();
      out_.verdict.step = step::none;
      out_.verdict.elapsed = core::nanoseconds{0};
    }
  }

  // TCP to a hop, or to the target of a direct chain (`h` null).
  io::task<> connect(const core::target& to, const hop* h) {
    if (!h) arm_deadline(begun_);
    addresses all;
    if (to.is_name()) {
      enter(step::resolve, begun_);
      co_await resolve(to, all);
      if (!ok()) co_return;
      enter(step::connect, core::clock::now());
    } else {
      all.push_back(to.endpoint());
      enter(step::connect, begun_);
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      out_.verdict.code = errc::ok;
      out_.verdict.system_errno = 0;
      if (env_.is_own && env_.is_own(all[i])) {
        fail(errc::loop);
        continue;
      }
      if (!h && to.is_name() && env_.private_loopback && all[i].address.is_loopback()) {
        fail(errc::rejected);
        continue;
      }
      co_await connect_to(all[i], all.size() - i);
      if (ok() || owner_.canceled()) break;
    }
    if (!h) {
      leave_hop(begun_);
      if (ok()) out_.verdict.step = step::none;
    }
  }

  void finish() {
    timer_.disarm();
    owner_.disarm();
    if (!ok()) {
      stream_.reset();
      // A deadline or a kill shows as whatever it interrupted; its own reason is the truth.
      if (owner_.canceled()) out_.verdict.code = owner_.why();
    }
    out_.upstream = std::move(stream_);
  }

 private:
  using addresses = boost::container::small_vector<core::endpoint, 1>;

  // The resolver lives on another thread and cannot be interrupted; what waits here can.
  struct pending {
    explicit pending(asio::any_io_executor executor) : done{executor, asio::steady_timer::time_point::max()} {}
    asio::steady_timer done;
    std::optional<io::resolver::result> answer;
  };

  static asio::awaitable<void> look_up(io::resolver& resolver, std::shared_ptr<pending> wait, std::string name,
                                       std::uint16_t port) {
    auto answer = resolver.resolve(std::move(name), port);
    wait->answer = co_await std::move(answer);
    wait->done.cancel();
  }

  io::task<> resolve(const core::target& to, addresses& found) {
    auto executor = env_.deadlines.executor();
    auto wait = std::make_shared<pending>(executor);
    if (!owner_.arm([w = wait.get()] { w->done.cancel(); })) co_return fail(owner_.why());
    asio::co_spawn(executor, look_up(env_.resolver, wait, to.name, to.port), asio::detached);
    co_await io::expiry(wait->done);
    owner_.disarm();
    if (owner_.canceled()) co_return fail(owner_.why());
    if (!wait->answer) co_return fail(errc::resolve_failed);
    if (wait->answer->has_error()) co_return fail(wait->answer->error());
    const auto& answer = **wait->answer;
    found.assign(answer.begin(), answer.end());
    if (found.empty()) fail(errc::name_not_found);
  }

  // With more addresses to come, one that is silent gets its share of the time only.
  io::task<> connect_to(const core::endpoint& to, std::size_t addresses_left) {
    return source_ ? connect_foreign(to, addresses_left) : connect_once(to, addresses_left);
  }

  // With the client's address.
  io::task<> connect_foreign(const core::endpoint& to, std::size_t addresses_left) {
    out_.verdict.detail.clear();
    if (source_->is_v6() != to.address.is_v6()) {
      fail(errc::unsupported);
      out_.verdict.detail = "the target has no address of the client's family, whose source address it is to see";
      co_return;
    }
    for (int i = 0; i < foreign_attempts; ++i) {
      out_.verdict.code = errc::ok;
      out_.verdict.system_errno = 0;
      co_await connect_once(to, addresses_left);
      if (ok() || (out_.verdict.system_errno != EADDRNOTAVAIL && out_.verdict.system_errno != EADDRINUSE)) co_return;
    }
  }

  io::task<> open_foreign(io::tcp_socket& socket) {
    io::descriptor lent;
    for (;;) {
      lent = env_.lend_socket ? env_.lend_socket(source_->is_v6()) : io::descriptor{};
      if (lent) break;
      if (!env_.lend_socket || errno != EAGAIN) co_return fail(errc::io_failed, errno);
      asio::steady_timer soon{env_.deadlines.executor(), lend_pause};
      co_await io::expiry(soon);
      if (owner_.canceled()) co_return fail(owner_.why());
    }
    if (const int wrong = io::bind_foreign(lent.get(), *source_); wrong != 0) co_return fail(io::to_errc_from_errno(wrong), wrong);
    socket.open(std::move(lent));
  }

  io::task<> connect_once(const core::endpoint& to, std::size_t addresses_left) {
    io::tcp_socket socket{io::context_of(env_.deadlines.executor())};
    if (source_) co_await open_foreign(socket);
    if (!ok()) co_return;
    if (!owner_.arm([&socket] { socket.close(); })) co_return fail(owner_.why());
    io::deadlines::timer share{env_.deadlines};
    if (addresses_left > 1) {
      const auto now = core::clock::now();
      share.arm(now + (hop_deadline_ - now) / static_cast<std::int64_t>(addresses_left),
                [&socket] { socket.close(); });
    }
    const auto error = co_await io::connect(socket, to);
    owner_.disarm();
    if (owner_.canceled()) co_return fail(owner_.why());
    if (share.expired()) co_return fail(errc::timed_out);
    if (error) co_return fail(io::to_errc(error), error.value());
    // With another's address it may well be the same as one of that other's own.
    if (env_.remember && !source_) {
      const auto local = io::bound_address(socket.native_handle());
      out_.remembered = env_.remember(local, to);
      if (!out_.remembered) co_return fail(errc::loop);
    }
    out_.first_address = to;
    stream_ = io::make_tcp_stream(std::move(socket));
  }

  io::task<> secure(const hop& h) {
    enter(step::tls, core::clock::now());
    if (!arm_stream()) co_return;
    stream_ = io::make_tls_stream(std::move(stream_), env_.tls.of(h));
    const io::tls_result result = co_await io::tls_handshake(*stream_);
    owner_.disarm();
    if (result.code == errc::ok) co_return;
    fail(result.code, result.system_errno);
    out_.verdict.detail = result.detail;
  }

  io::task<> request(const hop& h, const core::target& next) {
    enter(step::request, core::clock::now());
    if (const auto no = h.obstacle(next); !no.empty()) {
      fail(errc::unsupported);
      out_.verdict.detail = no;
      co_return;
    }
    if (!arm_stream()) co_return;
    std::optional<wire::credentials> who;
    if (!h.user.empty()) who = wire::credentials{h.user, h.password};
    if (h.kind == hop_kind::socks4 || h.kind == hop_kind::socks4a) {
      std::uint8_t reply = 0;
      const auto spoken = h.kind == hop_kind::socks4 ? wire::socks4_dialect::socks4 : wire::socks4_dialect::socks4a;
      auto script = wire::socks4_connect(next, h.user, spoken, reply);
      const auto done = co_await io::drive(*stream_, script);
      finish_request(done, false, core::verdict::reply_kind::socks4, reply);
    } else if (h.kind == hop_kind::socks5) {
      wire::socks5_outcome outcome;
      auto script = wire::socks5_connect(next, std::move(who), outcome, h.pipeline);
      const auto done = co_await io::drive(*stream_, script);
      finish_request(done, outcome.step == step::auth, core::verdict::reply_kind::socks5, outcome.reply);
      if (h.pipeline) suspect_pipeline(done.code);
    } else {
      wire::http_outcome outcome;
      auto script = wire::http_connect(next, std::move(who), outcome);
      const auto done = co_await io::drive(*stream_, script);
      finish_request(done, outcome.step == step::auth, core::verdict::reply_kind::http, outcome.status);
    }
    owner_.disarm();
  }

  // Who reads more than one message at a time and drops the rest waits for ever, or ends it.
  void suspect_pipeline(errc code) {
    const errc why = owner_.canceled() ? owner_.why() : code;
    const bool is_silent = why == errc::timed_out || why == errc::closed_early || why == errc::reset;
    if (is_silent && out_.verdict.detail.empty()) out_.verdict.detail = "it may not take pipeline=true";
  }

  void finish_request(const io::drive_result& done, bool auth, core::verdict::reply_kind kind, std::uint16_t reply) {
    if (done.code == errc::ok) return;
    if (auth) out_.verdict.step = step::auth;
    fail(done.code, done.system_errno);
    out_.verdict.detail = io::tls_failure(*stream_);
    const bool said = done.code == errc::hop_refused || done.code == errc::auth_required || done.code == errc::auth_failed;
    if (said && reply != 0) {
      out_.verdict.reply_from = kind;
      out_.verdict.reply = reply;
    }
  }

  bool arm_stream() {
    if (owner_.arm([this] { stream_->close(); })) return true;
    fail(owner_.why());
    return false;
  }

  void arm_deadline(core::instant begun) {
    hop_deadline_ = std::min(begun + env_.limits.hop, begun_ + env_.limits.chain);
    timer_.arm(hop_deadline_, [this] { owner_.cancel(errc::timed_out); });
  }

  void enter(step next, core::instant now) {
    leave_step(now);
    out_.verdict.step = next;
    step_begun_ = now;
  }

  void leave_step(core::instant now) {
    const auto took = now - step_begun_;
    switch (out_.verdict.step) {
      case step::connect: hop_time_.connect = took; break;
      case step::tls: hop_time_.tls = took; break;
      case step::auth:
      case step::request: hop_time_.request = took; break;
      default: break;
    }
  }

  void leave_hop(core::instant begun) {
    const auto now = core::clock::now();
    leave_step(now);
    hop_time_.total = now - begun;
    out_.hop_times.push_back(std::exchange(hop_time_, {}));
  }

  void fail(errc code, int system_errno = 0) {
    out_.verdict.code = code;
    out_.verdict.system_errno = system_errno;
    out_.verdict.elapsed = core::clock::now() - step_begun_;
  }

  const chain& way_;
  const core::target& where_;
  const dial_environment& env_;
  io::canceler& owner_;
  const core::address* const source_;
  io::deadlines::timer timer_;
  const core::instant begun_;
  core::instant hop_deadline_{};
  core::instant step_begun_{};
  hop_time hop_time_;  // of the hop under way
  std::unique_ptr<io::stream> stream_;
  dialed& out_;
};

}  // namespace

io::task<> dial(const chain& way, const core::target& where, const dial_environment& environment, io::canceler& owner,
                const core::address* source, dialed& out) {
  attempt now{way, where, environment, owner, source, out};
  if (way.is_reject()) {
    now.refuse();
  } else if (way.is_direct()) {
    co_await now.connect(where, nullptr);
  } else {
    for (std::size_t i = 0; i < way.hops.size() && now.ok(); ++i) co_await now.pass(i);
  }
  now.finish();
}

}  // namespace omnilink::chain
