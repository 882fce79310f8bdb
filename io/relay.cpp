// One object per connection with a small state per direction; the handlers of its waits own it. Two
// coroutines would cost two frames per connection and could not be ended together.
#include "io/relay.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>
#include <utility>

namespace omnilink::io {
namespace {

namespace asio = boost::asio;
using core::errc;
using kind = progress::kind;

// A direction that always has bytes gives way to the worker's other connections after so many full buffers.
constexpr int rounds_per_turn = 4;
// Before an RST the kernel's send queue must have reached the peer, or the RST would overtake it; there is no
// event for that, so it is looked at now and then, and given up when the peer takes nothing.
constexpr core::nanoseconds drain_interval = std::chrono::milliseconds{5};
constexpr core::nanoseconds drain_limit = std::chrono::seconds{10};

using completion_handler = asio::async_result<asio::use_awaitable_t<>, void(relay_result)>::handler_type;

struct side {
  stream& bytes;
  relay_side name;
  bool broken = false;  // its socket has failed once; an eof that follows is no end
};

struct direction {
  // The order of a life; `flushing` goes back to `reading`.
  enum class phase : std::uint8_t { reading, writing, flushing, ending, over };
  side& from;
  side& to;
  std::uint64_t& counter;
  phase now = phase::reading;
  std::vector<std::uint8_t> overflow{};  // what `to` did not take at once
  std::size_t written = 0;               // of the overflow
  bool exhausted = false;                // the last read took all there was

  bool over() const noexcept { return now == phase::over; }
};

class session : public std::enable_shared_from_this<session> {
 public:
  session(stream& client, stream& upstream, relay_buffer& buffer, deadlines& timers,
          const relay_options& options, relay_counters& counters, completion_handler&& done)
      : client_{client, relay_side::client},
        upstream_{upstream, relay_side::upstream},
        up_{client_, upstream_, counters.up},
        down_{upstream_, client_, counters.down},
        buffer_{buffer},
        options_{options},
        timer_{timers},
        done_{std::move(done)} {}

  void start() {
    arm_idle_timer();
    later(up_);
    later(down_);
  }

 private:
  // Performs steps until one is blocked, the direction is over, or its turn is.
  void run(direction& d) {
    for (int round = 0; round < rounds_per_turn && !finished_; ++round) {
      // A round begins with a read, or with what an earlier one left.
      d.exhausted = false;
      if (d.now == direction::phase::reading && !read(d)) return;
      if (d.now == direction::phase::writing && !write_rest(d)) return;
      if (d.now == direction::phase::flushing && !flush(d)) return;
      if (d.now == direction::phase::ending && !end(d)) return;
      if (d.over()) return;
      if (d.exhausted) return wait_for_more(d, kind::want_read);
    }
    if (!finished_) later(d);
  }

  // The steps return true when the direction may go on at once.
  bool read(direction& d) {
    const progress got = d.from.bytes.read(buffer_.bytes);
    if (got.done()) {
      // A plain socket that gave less than it could has no more: the next read would only say so.
      const stream& from = d.from.bytes;
      d.exhausted = got.count < buffer_.bytes.size() && from.is_plain() && from.buffered() == 0;
      return write(d, {buffer_.bytes.data(), got.count});
    }
    if (got.blocked()) {
      wait_for_more(d, got.what);
      return false;
    }
    if (got.what == kind::eof && !d.from.broken) {
      d.now = direction::phase::ending;
      return true;
    }
    fail(d.from, got.what == kind::eof ? progress::fail(errc::reset) : got);
    d.now = direction::phase::over;
    // Whoever failed takes nothing any more either.
    opposite(d).now = direction::phase::over;
    return settle();
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
    const progress ended = d.to.bytes.shutdown_send();
    if (ended.blocked()) return block(d, d.to, ended.what);
    if (!ended.done()) return fail_writing(d, ended);
    d.now = direction::phase::over;
    d.overflow = {};
    arm_idle_timer();
    return settle();
  }

  // `to` is gone; what it sent before is still read and handed on by the opposite direction.
  bool fail_writing(direction& d, const progress& why) {
    fail(d.to, why);
    d.now = direction::phase::over;
    d.overflow = {};
    arm_idle_timer();
    return settle();
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
    finished_ = true;
    cancel_waits();
    timer_.disarm();
    if (client_.broken && upstream_.broken) return finish();
    draining_ = true;
    side& survivor = client_.broken ? upstream_ : client_;
    // Keeps this object, and ends the drain when the owner or the peer closes the socket.
    survivor.bytes.socket().async_wait(tcp::socket::wait_error, [self = shared_from_this()](const auto&) {
      if (self->draining_) self->finish();
    });
    drain(survivor, core::clock::now() + drain_limit);
  }

  void drain(side& to, core::instant until) {
    const auto now = core::clock::now();
    if (unacknowledged(to) == 0 || now >= until) return finish();
    timer_.arm(now + drain_interval, [this, &to, until] { drain(to, until); });
  }

  static int unacknowledged(side& of) noexcept {
    int count = 0;
    return ::ioctl(of.bytes.socket().native_handle(), SIOCOUTQ, &count) == 0 ? count : 0;
  }

  void finish() {
    finished_ = true;
    draining_ = false;
    timer_.disarm();
    cancel_waits();
    if (result_.code != errc::ok) {
      client_.bytes.set_reset_on_close();
      upstream_.bytes.set_reset_on_close();
    }
    result_.up = up_.counter;
    result_.down = down_.counter;
    // The streams may be gone when the awaiting coroutine goes on: it must not do so below our own feet.
    asio::post(client_.bytes.socket().get_executor(),
               [done = std::move(*done_), result = result_]() mutable { std::move(done)(result); });
    done_.reset();
  }

  void cancel_waits() noexcept {
    boost::system::error_code ignored;
    client_.bytes.socket().cancel(ignored);
    upstream_.bytes.socket().cancel(ignored);
  }

  // Always false, for the steps.
  bool block(direction& d, side& on, kind what) {
    wait(d, on, what);
    return false;
  }

  // A connection at rest holds no buffer.
  void wait_for_more(direction& d, kind what) {
    d.overflow = {};
    wait(d, d.from, what);
  }

  void wait(direction& d, side& on, kind what) {
    const auto event = what == kind::want_read ? tcp::socket::wait_read : tcp::socket::wait_write;
    on.bytes.socket().async_wait(event,
                                 [self = shared_from_this(), &d](const boost::system::error_code& error) {
                                   if (self->finished_ || d.over()) return;
                                   if (error) return self->canceled();
                                   self->run(d);
                                 });
  }

  void later(direction& d) {
    asio::post(client_.bytes.socket().get_executor(), [self = shared_from_this(), &d] {
      if (!self->finished_ && !d.over()) self->run(d);
    });
  }

  // A wait fails only when its socket was closed by the owner.
  void canceled() {
    if (result_.code == errc::ok) result_.code = errc::canceled;
    finish();
  }

  void moved(direction& d, std::size_t count) {
    d.counter += count;
    timer_.postpone(core::clock::now() + timeout());
  }

  core::nanoseconds timeout() const noexcept {
    return up_.over() || down_.over() ? options_.half_close : options_.idle;
  }

  void arm_idle_timer() {
    timer_.arm(core::clock::now() + timeout(), [this] {
      // A failure that was being flushed stays the reason.
      if (result_.code == errc::ok) result_.code = errc::timed_out;
      finish();
    });
  }

  direction& opposite(direction& d) noexcept { return &d == &up_ ? down_ : up_; }

  side client_;
  side upstream_;
  direction up_;
  direction down_;
  relay_buffer& buffer_;
  const relay_options options_;
  deadlines::timer timer_;
  std::optional<completion_handler> done_;
  relay_result result_;
  bool finished_ = false;  // no step is taken any more
  bool draining_ = false;
};

}  // namespace

asio::awaitable<relay_result> relay(stream& client, stream& upstream, relay_buffer& buffer, deadlines& timers,
                                    const relay_options& options, relay_counters& counters) {
  const auto start = [&](completion_handler&& done) {
    std::make_shared<session>(client, upstream, buffer, timers, options, counters, std::move(done))->start();
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void(relay_result)>(start, asio::use_awaitable);
}

}  // namespace omnilink::io
