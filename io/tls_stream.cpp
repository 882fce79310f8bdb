// The engine reads from the stream below directly. What it writes is gathered first and goes down in one
// piece: one system call for many records.
#include <algorithm>
#include <climits>
#include <optional>
#include <utility>

#include "io/tls_explain.hpp"
#include "io/tls_settings.hpp"
#include "io/wait.hpp"

namespace omnilink::io {
namespace {

using namespace openssl;
using core::errc;
using kind = progress::kind;

// The most that one write() takes: a relay's buffer.
constexpr std::size_t write_max = 128 * 1024;
// Reading goes on while the peer takes nothing, or two peers could wait for each other forever; but what a
// peer makes the engine say in answer (key updates), behind the records of one write(), is held up to here
// only.
constexpr std::size_t records_max = write_max + 64 * 1024;

// Room for the records of one engine call, kept between calls: one per stream in a pile of TLS in TLS.
class record_room {
 public:
  record_room() {
    if (spare().empty()) return;
    room_ = std::move(spare().back());
    spare().pop_back();
  }
  ~record_room() {
    room_.clear();
    if (spare().size() < spare_max) spare().push_back(std::move(room_));
  }
  record_room(const record_room&) = delete;
  record_room& operator=(const record_room&) = delete;
  std::vector<std::uint8_t>& get() noexcept { return room_; }

 private:
  static constexpr std::size_t spare_max = 4;  // deeper piles of TLS are rare, and only slower
  static std::vector<std::vector<std::uint8_t>>& spare() {
    static thread_local std::vector<std::vector<std::uint8_t>> rooms;
    return rooms;
  }
  std::vector<std::uint8_t> room_;
};

class tls_stream final : public stream {
 public:
  tls_stream(std::unique_ptr<stream> lower, std::shared_ptr<tls_context::impl> settings)
      : lower_{std::move(lower)}, settings_{std::move(settings)}, engine_{settings_->make_engine(refusal_)} {
    BIO* const below = engine_ ? BIO_new(method()) : nullptr;
    if (!below) {
      read_end_ = write_end_ = progress::fail(errc::internal);
      return;
    }
    BIO_set_data(below, this);
    BIO_set_init(below, 1);
    SSL_set_bio(engine_.get(), below, below);
  }

  progress write(bytes data) noexcept override {
    const bool behind_handshake = held_ && !data.empty();
    if (!behind_handshake) {
      const progress clear = flush_records();
      if (!clear.done() || data.empty()) return clear;
    }
    std::size_t taken = 0;
    const int failure = run([&](SSL* engine) {
      return SSL_write_ex(engine, data.data(), std::min(data.size(), write_max), &taken);
    });
    if (behind_handshake) (void)flush_records();
    if (failure == SSL_ERROR_NONE) return write_end_ ? *write_end_ : progress::moved(taken);
    const progress why = explain(failure);
    if (!why.blocked()) write_end_ = why;
    return why;
  }

  progress flush() noexcept override {
    const progress clear = flush_records();
    return clear.done() ? lower_->flush() : clear;
  }

  progress shutdown_send() noexcept override {
    const progress clear = flush_records();
    if (!clear.done()) return clear;
    if (!(SSL_get_shutdown(engine_.get()) & SSL_SENT_SHUTDOWN)) {
      // Once: a second call would wait for the peer's close_notify. 0 says that it has not come yet.
      const int failure = run([](SSL* engine) { return SSL_shutdown(engine) >= 0 ? 1 : -1; });
      if (failure != SSL_ERROR_NONE) return explain(failure);
    }
    return flush();
  }

  progress handshake(tls_result& result) noexcept {
    if (write_end_) return *write_end_;
    held_ = true;
    const int failure = run([](SSL* engine) { return SSL_do_handshake(engine); });
    if (failure == SSL_ERROR_NONE) {
      result.resumed = SSL_session_reused(engine_.get()) == 1;
      return progress::moved(0);
    }
    held_ = false;
    if (failure == SSL_ERROR_SSL) (void)flush_records();  // it tells the peer why
    const progress why = explain(failure);
    if (why.code == errc::tls_truncated) return progress::fail(errc::closed_early);
    if (why.code != errc::tls_failed) return why;
    if (refusal_.code == errc::ok) {
      result.detail = reason_;
      return why;
    }
    result.detail = refusal_.detail;
    return progress::fail(refusal_.code);
  }

  void count(const tls_result& result) noexcept {
    (result.resumed ? settings_->resumed : settings_->full).fetch_add(1, std::memory_order_relaxed);
  }

  // Of this stream, or the nearest below that has one.
  std::string reason() {
    const auto* const below = dynamic_cast<tls_stream*>(lower_.get());
    return reason_.empty() && below ? tls_failure(*lower_) : reason_;
  }

  tcp_socket& socket() noexcept override { return lower_->socket(); }
  bool is_plain() const noexcept override { return false; }

 protected:
  progress read_more(std::span<std::uint8_t> into) noexcept override {
    if (read_end_) return *read_end_;
    if (held_ || records_.size() - sent_ > records_max) {
      const progress clear = held_ ? flush() : flush_records();
      if (clear.blocked()) return clear;
    }
    if (has_no_more()) return {kind::want_read};
    std::size_t total = 0;
    int failure = SSL_ERROR_NONE;
    while (total < into.size() && failure == SSL_ERROR_NONE && (total == 0 || !has_no_more())) {
      std::size_t got = 0;
      failure = run(
          [&](SSL* engine) { return SSL_read_ex(engine, into.data() + total, into.size() - total, &got); });
      total += got;
    }
    if (failure != SSL_ERROR_NONE) {
      const progress why = failure == SSL_ERROR_ZERO_RETURN ? progress{kind::eof} : explain(failure);
      if (!why.blocked()) read_end_ = why;
      if (total == 0) return why;
    }
    return progress::moved(total);
  }

 private:
  // The engine has nothing at hand and would find nothing below: to ask it costs a good part of what a small record does.
  bool has_no_more() noexcept {
    const bool below_is_dry = lower_->is_plain() && lower_->buffered() == 0 && lower_->socket().is_open() &&
                              !lower_->socket().known().worth_a_try(event::read);
    return below_is_dry && SSL_is_init_finished(engine_.get()) && SSL_has_pending(engine_.get()) == 0;
  }

  // Calls the engine, sends on what it wrote; SSL_get_error's answer.
  template <class Call>
  int run(Call call) noexcept {
    record_room room;
    written_ = &room.get();
    below_ = progress{};
    if (ERR_peek_error() != 0) ERR_clear_error();  // which looks through all of its slots
    const int returned = call(engine_.get());
    const int failure = returned > 0 ? SSL_ERROR_NONE : SSL_get_error(engine_.get(), returned);
    // Now: a stream below clears the errors of its thread.
    if (failure == SSL_ERROR_SSL) reason_ = explain_error(ERR_peek_last_error(), settings_->wanted);
    written_ = nullptr;
    if (!room.get().empty()) pass_down(room.get());
    return failure;
  }

  // As much as the stream below takes now; the rest waits in records_.
  void pass_down(bytes data) {
    if (write_end_) return;
    if (records_.empty() && !held_) {
      while (!data.empty()) {
        const progress put = lower_->write(data);
        if (put.blocked()) break;
        if (!put.done()) {
          write_end_ = put;
          return;
        }
        data = data.subspan(put.count);
      }
    }
    records_.insert(records_.end(), data.begin(), data.end());
  }

  progress flush_records() noexcept {
    if (write_end_) return *write_end_;
    while (sent_ < records_.size()) {
      const progress put = lower_->write(bytes{records_}.subspan(sent_));
      if (put.blocked()) return put;
      if (!put.done()) {
        write_end_ = put;
        return put;
      }
      sent_ += put.count;
    }
    records_ = {};
    sent_ = 0;
    held_ = false;
    return progress::moved(0);
  }

  progress explain(int failure) noexcept {
    if (failure == SSL_ERROR_WANT_READ || failure == SSL_ERROR_WANT_WRITE) {
      // The peer answers a handshake's flight only when it has all of it.
      if (!SSL_is_init_finished(engine_.get())) {
        const progress clear = flush();
        if (!clear.done()) return clear;
      }
      return below_.blocked() ? below_ : progress{kind::want_read};
    }
    if (below_.what == kind::failed) return below_;
    if (below_.what == kind::eof) return progress::fail(errc::tls_truncated);
    return progress::fail(errc::tls_failed);
  }

  static int read_below(BIO* bio, char* into, int size) {
    auto& self = *static_cast<tls_stream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const auto space = std::span{reinterpret_cast<std::uint8_t*>(into), static_cast<std::size_t>(size)};
    self.below_ = self.lower_->read(space);
    if (self.below_.done()) return static_cast<int>(self.below_.count);
    if (self.below_.blocked()) BIO_set_retry_read(bio);
    return self.below_.what == kind::eof ? 0 : -1;
  }

  static int write_below(BIO* bio, const char* data, int size) {
    auto& self = *static_cast<tls_stream*>(BIO_get_data(bio));
    const bytes records{reinterpret_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)};
    self.written_->insert(self.written_->end(), records.begin(), records.end());
    return size;
  }

  static long control_below(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* const fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "omnilink stream");
      BIO_meth_set_read(fresh, read_below);
      BIO_meth_set_write(fresh, write_below);
      BIO_meth_set_ctrl(fresh, control_below);
      return fresh;
    }();
    return made;
  }

  std::unique_ptr<stream> lower_;
  std::shared_ptr<tls_context::impl> settings_;  // the engine's callbacks use it
  tls_refusal refusal_;
  ssl_ptr engine_;
  std::string reason_;                 // why the engine failed
  std::vector<std::uint8_t> records_;  // taken, not yet given to lower_ from sent_ on
  std::size_t sent_ = 0;
  bool held_ = false;  // records_ waits for what is written next: the last words of a handshake are not worth a packet of their own
  std::vector<std::uint8_t>* written_ = nullptr;  // where the engine writes during run()
  progress below_;                                // what lower_'s latest read in run() came to
  std::optional<progress> read_end_;              // said again by every later read
  std::optional<progress> write_end_;
};

}  // namespace

std::unique_ptr<stream> make_tls_stream(std::unique_ptr<stream> lower, const tls_context& settings) {
  return std::make_unique<tls_stream>(std::move(lower), settings.settings());
}

task<tls_result> tls_handshake(stream& on) {
  tls_result result;
  auto* const secured = dynamic_cast<tls_stream*>(&on);
  while (true) {
    const progress now = secured ? secured->handshake(result) : progress::fail(errc::internal);
    if (now.blocked()) {
      result.code = co_await wait_for(on, now.what);
      if (result.code != errc::ok) break;
      continue;
    }
    result.code = now.code;
    result.system_errno = now.system_errno;
    if (now.done()) secured->count(result);
    break;
  }
  co_return result;
}

std::string tls_failure(stream& of) {
  auto* const secured = dynamic_cast<tls_stream*>(&of);
  return secured ? secured->reason() : std::string{};
}

}  // namespace omnilink::io
