// One object per connection with a small state per direction; their waits own it. Two
// coroutines would cost two frames per connection and could not be ended together.
#include "io/relay.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "io/relay_direction.hpp"

namespace omnilink::io {

namespace asio = boost::asio;

namespace relaying {
namespace {

using kind = progress::kind;

// A direction that always has bytes gives way to the worker's other connections after so many full buffers,
// or pipes.
constexpr int rounds_per_turn = 4;
// And no longer, once less than this came between two waits.
constexpr std::size_t small_burst = 16 * 1024;
// Before an RST the kernel's send queue must have reached the peer, or the RST would overtake it; there is no
// event for that, so it is looked at now and then, and given up when the peer takes nothing.
constexpr core::nanoseconds drain_interval = std::chrono::milliseconds{5};
constexpr core::nanoseconds drain_limit = std::chrono::seconds{10};
// A close_notify waits for room in the kernel's buffer, which a peer that reads nothing never makes. So long nothing may move
// either way and nothing be acknowledged; then the connection is cut off.
constexpr core::nanoseconds shutdown_limit = std::chrono::seconds{2};

}  // namespace

class session : public std::enable_shared_from_this<session> {
 public:
  session(const relay_beginning& ends, resumption<relay_result>&& done)
      : client_{ends.client, relay_side::client},
        upstream_{ends.upstream, relay_side::upstream},
        up_{client_, upstream_, ends.counters.up},
        down_{upstream_, client_, ends.counters.down},
        buffer_{ends.buffer},
        pipes_{ends.pipes},
        idle_{ends.options.idle},
        half_close_{ends.options.half_close},
        hears_answer_{ends.options.on_answer},
        timer_{ends.timers},
        counters_{ends.counters},
        done_{std::move(done)} {
    up_.can_splice = down_.can_splice = ends.client.is_plain() && ends.upstream.is_plain();
    if (!ends.options.up.empty()) up_.limit = std::make_unique<slowed>(ends.options.up, ends.timers);
    if (!ends.options.down.empty()) down_.limit = std::make_unique<slowed>(ends.options.down, ends.timers);
  }

  void start() {
    arm_idle_timer();
    run(up_);
    run(down_);
    // Whoever waits for the result is not ready for it yet.
    if (finished_) asio::post(client_.bytes.socket().context(), [self = shared_from_this()] { self->deliver(); });
  }

  // What `d` waited for has come.
  void go_on(direction& d, errc outcome) {
    if (draining_) {
      finish();
    } else if (!finished_ && !d.over()) {
      outcome == errc::ok ? run(d) : void(cut(outcome));
    }
    deliver();
  }

 private:
  // The streams may be gone when this returns.
  void deliver() {
    if (!finished_ || draining_ || !done_) return;
    auto done = std::move(*done_);
    done_.reset();
    std::move(done)(result_);
  }

  // Performs steps until one is blocked, the direction is over, or its turn is.
  void run(direction& d) {
    if (d.limit) d.limit->pause.disarm();
    for (int round = 0; round < rounds_per_turn && !finished_; ++round) {
      if (d.now == direction::phase::reading && d.limit && core::clock::now() < d.limit->by.until()) return pause(d);
      if (d.now == direction::phase::reading && !read(d)) return;
      if (d.now == direction::phase::writing && !write_rest(d)) return;
      if (d.now == direction::phase::flushing && !flush(d)) return;
      if (d.now == direction::phase::ending && !end(d)) return;
      if (d.over()) return;
    }
    if (!finished_) later(d);
  }

  // The steps return true when the direction may go on at once.
  bool read(direction& d) {
    if (d.in_bulk() && lend_pipe(d)) return fill(d);
    const std::span<std::uint8_t> space = std::span{buffer_.bytes}.first(most(d, buffer_.bytes.size()));
    const progress got = d.from.bytes.read(space);
    if (got.done()) {
      d.full_buffers = got.count == buffer_.bytes.size() ? d.full_buffers + 1 : 0;
      if (hears_answer_ && &d == &down_) {
        const errc said = std::exchange(hears_answer_, nullptr)({buffer_.bytes.data(), got.count});
        if (said != errc::ok) return cut(said);
      }
      return write(d, {buffer_.bytes.data(), got.count});
    }
    return read_nothing(d, got);
  }

  bool read_nothing(direction& d, const progress& got) {
    if (got.blocked()) {
      wait_for_more(d, got.what);
      return false;
    }
    if (got.what == kind::eof && !d.from.broken) {
      d.now = direction::phase::ending;
      return true;
    }
    fail(d.from, got.what == kind::eof ? progress::fail(errc::reset) : got);
    // Whoever failed takes nothing any more either.
    finish(d);
    finish(opposite(d));
    return settle();
  }

  bool lend_pipe(direction& d) {
    if (!d.lent) d.lent = pipes_.take();
    if (!d.lent) d.full_buffers = 0;
    return d.lent.has_value();
  }

  void give_back_pipe(direction& d) noexcept {
    if (d.lent) pipes_.give_back(std::move(*d.lent));
    d.lent.reset();
  }

  bool fill(direction& d) {
    const progress got = d.lent->fill(d.from.bytes.socket().native_handle(), most(d, pipe::capacity));
    if (got.done()) return pour(d);
    if (cannot_splice(got)) {
      stop_splicing(d);
      return true;
    }
    if (got.blocked()) {
      d.from.bytes.socket().known().exhausted(event::read);
      if (d.burst < small_burst) d.full_buffers = 0;
      d.burst = 0;
    }
    return read_nothing(d, got);
  }

  bool pour(direction& d) {
    d.now = direction::phase::writing;
    // Only EAGAIN is a promise that the kernel will say when there is room again.
    while (d.lent->held() > 0) {
      const progress put = d.lent->pour(d.to.bytes.socket().native_handle());
      if (put.blocked()) {
        d.to.bytes.socket().known().exhausted(event::write);
        return block(d, d.to, put.what);
      }
      if (cannot_splice(put)) return rescue(d);
      if (!put.done()) return fail_writing(d, put);
      d.burst += put.count;
      counters_.spliced += put.count;
      moved(d, put.count);
    }
    d.now = direction::phase::reading;
    return true;
  }

  // What the pipe holds goes on as if it had been read.
  bool rescue(direction& d) {
    d.overflow.resize(d.lent->held());
    d.written = 0;
    for (std::span<std::uint8_t> rest{d.overflow}; !rest.empty();) {
      const progress got = d.lent->read(rest);
      if (!got.done()) return fail_writing(d, got);
      rest = rest.subspan(got.count);
    }
    stop_splicing(d);
    return write_rest(d) && flush(d);
  }

  static bool cannot_splice(const progress& answer) noexcept {
    return answer.what == kind::failed && answer.system_errno == EINVAL;
  }

  void stop_splicing(direction& d) noexcept {
    d.can_splice = false;
    give_back_pipe(d);
  }

  bool write(direction& d, bytes data) {
    d.now = direction::phase::flushing;
    while (!data.empty()) {
      const progress put = d.to.bytes.write(data);
      if (put.blocked()) {
        d.overflow.assign(data.begin(), data.end());
        d.written = 0;
        d.now = direction::phase::writing;
        return block(d, d.to, put.what);
      }
      if (!put.done()) return fail_writing(d, put);
      moved(d, put.count);
      data = data.subspan(put.count);
    }
    return true;
  }

  bool write_rest(direction& d) {
    if (d.lent) return pour(d);
    while (d.written < d.overflow.size()) {
      const progress put = d.to.bytes.write(bytes{d.overflow}.subspan(d.written));
      if (put.blocked()) return block(d, d.to, put.what);
      if (!put.done()) return fail_writing(d, put);
      moved(d, put.count);
      d.written += put.count;
    }
    d.overflow.clear();
    d.now = direction::phase::flushing;
    return true;
  }

  bool flush(direction& d) {
    const progress flushed = d.to.bytes.flush();
    if (flushed.blocked()) return block(d, d.to, flushed.what);
    if (!flushed.done()) return fail_writing(d, flushed);
    d.now = direction::phase::reading;
    return true;
  }

  bool end(direction& d) {
    // Nothing is left to be read from `to` either: the close that follows is the end that its peer sees.
    const bool close_follows = opposite(d).over() && result_.code == errc::ok && d.to.bytes.is_plain();
    const progress ended = close_follows ? progress::moved(0) : d.to.bytes.shutdown_send();
    if (ended.blocked()) {
      if (!std::exchange(d.end_blocked, true)) arm_idle_timer();
      return block(d, d.to, ended.what);
    }
    d.end_blocked = false;
    if (!ended.done()) return fail_writing(d, ended);
    finish(d);
    arm_idle_timer();
    return settle();
  }

  // `to` is gone; what it sent before is still read and handed on by the opposite direction.
  bool fail_writing(direction& d, const progress& why) {
    fail(d.to, why);
    finish(d);
    arm_idle_timer();
    return settle();
  }

  void finish(direction& d) noexcept {
    d.now = direction::phase::over;
    if (d.limit) d.limit->pause.disarm();
    d.overflow = {};
    give_back_pipe(d);
  }

  void fail(side& where, const progress& why) {
    where.broken = true;
    if (result_.code != errc::ok) return;
    result_.code = why.code;
    result_.failed = where.name;
    result_.system_errno = why.system_errno;
  }

  // Ends the relay when there is nothing left to do. Always false: the direction that asks has nothing to do
  // either.
  bool settle() {
    if (finished_) return false;
    if (result_.code == errc::canceled) {
      finish();
    } else if (up_.over() && down_.over()) {
      result_.code == errc::ok ? finish() : begin_drain();
    }
    return false;
  }

  // All that the failed side sent is in the kernel; it must reach the other side before the RST does.
  void begin_drain() {
    const auto self = shared_from_this();  // the waits may be all that keeps it
    finished_ = true;
    stop_waits();
    timer_.disarm();
    side& survivor = client_.broken ? upstream_ : client_;
    if (survivor.broken || !survivor.bytes.socket().is_open()) return finish();
    draining_ = true;
    // Ends the drain when the owner or the peer closes the socket.
    wait(up_, survivor, event::error);
    drain(survivor, core::clock::now() + drain_limit);
  }

  void drain(side& to, core::instant until) {
    const auto now = core::clock::now();
    if (unacknowledged(to) == 0 || now >= until) return finish();
    timer_.arm(now + drain_interval, [this, &to, until] {
      const auto self = shared_from_this();
      drain(to, until);
      deliver();
    });
  }

  static int unacknowledged(side& of) noexcept {
    int count = 0;
    return ::ioctl(of.bytes.socket().native_handle(), SIOCOUTQ, &count) == 0 ? count : 0;
  }

  void finish() {
    finished_ = true;
    draining_ = false;
    timer_.disarm();
    stop_waits();
    finish(up_);
    finish(down_);
    if (result_.code != errc::ok) {
      client_.bytes.set_reset_on_close();
      upstream_.bytes.set_reset_on_close();
    }
    result_.up = up_.counter;
    result_.down = down_.counter;
  }

  void stop_waits() noexcept {
    for (direction* const d : {&up_, &down_}) {
      d->unlink();
      d->owner.reset();
    }
  }

  // Always false, for the steps.
  bool block(direction& d, side& on, kind what) {
    wait(d, on, what);
    return false;
  }

  // A connection at rest holds no buffer and no pipe.
  void wait_for_more(direction& d, kind what) {
    d.overflow = {};
    give_back_pipe(d);
    wait(d, d.from, what);
  }

  void wait(direction& d, side& on, kind what) { wait(d, on, what == kind::want_read ? event::read : event::write); }

  static std::size_t most(const direction& d, std::size_t room) noexcept {
    return d.limit ? std::min(room, d.limit->by.piece()) : room;
  }

  // Until what has moved is paid for. The owner may close the socket meanwhile; of one that is broken there is nothing to wait for.
  void pause(direction& d) {
    d.overflow = {};
    give_back_pipe(d);
    tcp_socket& from = d.from.bytes.socket();
    if (!from.is_open()) {
      cut(errc::canceled);
      return;
    }
    d.owner = shared_from_this();
    if (!from.known().worth_a_try(event::error)) from.wait(event::error, d);
    d.limit->pause.arm(d.limit->by.until(), [this, &d] {
      d.unlink();
      const auto self = std::move(d.owner);
      run(d);
      deliver();
    });
  }

  void wait(direction& d, side& on, event what) {
    if (!on.bytes.socket().is_open()) return later(d);  // which will find out
    d.owner = shared_from_this();
    on.bytes.socket().wait(what, d);
  }

  void later(direction& d) {
    asio::post(client_.bytes.socket().context(), [self = shared_from_this(), &d] {
      if (!self->finished_ && !d.over()) self->run(d);
      self->deliver();
    });
  }

  // A wait fails when its socket was closed by the owner. Always false, for the steps.
  bool cut(errc why) {
    if (result_.code == errc::ok) result_.code = why;
    finish();
    return false;
  }

  void moved(direction& d, std::size_t count) {
    d.counter += count;
    counters_.active = core::clock::now();
    if (d.limit) d.limit->by.charge(count, counters_.active);
    timer_.postpone(counters_.active + timeout());
  }

  int unacknowledged() noexcept { return unacknowledged(client_) + unacknowledged(upstream_); }

  bool end_blocked() const noexcept { return up_.end_blocked || down_.end_blocked; }

  core::nanoseconds timeout() const noexcept {
    const auto usual = up_.over() || down_.over() ? half_close_ : idle_;
    return end_blocked() ? std::min(usual, shutdown_limit) : usual;
  }

  // Where a direction pauses, it is not the peers who are idle.
  core::instant paused_until() const noexcept {
    const auto of = [](const direction& d) { return d.limit && !d.over() ? d.limit->by.until() : core::instant{}; };
    return std::max(of(up_), of(down_));
  }

  void arm_idle_timer() {
    if (end_blocked()) unacknowledged_ = unacknowledged();
    const auto now = core::clock::now();
    timer_.arm(std::max(now, paused_until()) + timeout(), [this] {
      const auto self = shared_from_this();
      if (core::clock::now() < paused_until()) return arm_idle_timer();
      if (end_blocked() && unacknowledged() < unacknowledged_) return arm_idle_timer();
      // A failure that was being flushed stays the reason.
      if (result_.code == errc::ok) result_.code = errc::timed_out;
      finish();
      deliver();
    });
  }

  direction& opposite(direction& d) noexcept { return &d == &up_ ? down_ : up_; }

  side client_;
  side upstream_;
  direction up_;
  direction down_;
  relay_buffer& buffer_;
  pipe_pool& pipes_;
  const core::nanoseconds idle_, half_close_;
  std::function<errc(bytes)> hears_answer_;  // until something was read
  deadlines::timer timer_;
  relay_counters& counters_;
  std::optional<resumption<relay_result>> done_;
  relay_result result_;
  bool finished_ = false;  // no step is taken any more
  bool draining_ = false;
  int unacknowledged_ = 0;  // when the timer was armed, while an end is blocked
};

void direction::ready(errc outcome) {
  const auto keep = std::move(owner);
  keep->go_on(*this, outcome);
}

}  // namespace relaying

void relay_beginning::operator()(resumption<relay_result> done) const {
  std::allocate_shared<relaying::session>(frame_allocator<relaying::session>{}, *this, std::move(done))->start();
}

}  // namespace omnilink::io
