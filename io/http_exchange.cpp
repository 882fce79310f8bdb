#include "io/http_exchange.hpp"

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <memory>
#include <string>

#include "io/drive.hpp"
#include "io/wait.hpp"
#include "wire/byte_codec.hpp"
#include "wire/http_head.hpp"

namespace omnilink::io {
namespace {

namespace asio = boost::asio;
using core::errc;
using kind = progress::kind;

// Per direction, while an exchange lasts: between exchanges a connection holds none.
constexpr std::size_t buffer_size = 32 * 1024;
using buffer = std::array<std::uint8_t, buffer_size>;

// An origin may answer before it has read the whole request, and read on; or have had enough of it.
constexpr core::nanoseconds late_upload = std::chrono::seconds{5};

// Who pauses for a limit looks so often whether the exchange has ended meanwhile.
constexpr core::nanoseconds pause_slice = std::chrono::milliseconds{100};

class exchange {
 public:
  exchange(stream& client, stream& upstream, wire::http_request& asked, bool last, deadlines& timers, const relay_options& options,
           relay_counters& counters)
      : client_{client}, upstream_{upstream}, asked_{asked}, last_{last}, options_{options}, counters_{counters}, timer_{timers},
        upload_ended_{client.socket().context(), asio::steady_timer::time_point::max()} {}

  task<exchange_result> run() {
    timer_.arm(core::clock::now() + options_.idle, [this] { give_up(errc::timed_out); });
    std::exception_ptr defect;
    try {
      co_await speak();
    } catch (...) {
      // The upload has to end before what it works on does.
      defect = std::current_exception();
      give_up(errc::internal);
    }
    while (uploading_) co_await expiry(upload_ended_);
    timer_.disarm();
    if (defect) std::rethrow_exception(defect);
    if (result_.code != errc::ok) upstream_.close();
    const bool whole = result_.code == errc::ok && asked_.body.complete() && !result_.upgraded;
    result_.client_goes_on = result_.client_goes_on && whole;
    result_.upstream_goes_on = result_.upstream_goes_on && whole;
    co_return result_;
  }

 private:
  bool ok() const noexcept { return result_.code == errc::ok; }

  // The first failure is the reason of those that follow.
  void fail(relay_side where, const progress& why) {
    if (!ok()) return;
    result_.code = why.what == kind::eof ? errc::closed_early : why.code;
    result_.failed = where;
    result_.system_errno = why.system_errno;
  }

  // Ends everything that waits. The client's stream lives on: it may still be told why.
  void give_up(errc why) {
    if (ok()) result_.code = why;
    upstream_.set_reset_on_close();
    upstream_.close();
    client_.socket().cancel();
  }

  void moved(std::uint64_t& counter, std::size_t count) {
    counter += count;
    counters_.active = core::clock::now();
    timer_.postpone(counters_.active + options_.idle);
  }

  // Charges for what has moved, and waits until it is paid for.
  task<> pay(buckets limits, std::size_t count) {
    brake by{limits};
    by.charge(count, counters_.active);
    asio::steady_timer slice{client_.socket().context()};
    for (auto now = core::clock::now(); now < by.until() && upstream_.socket().is_open(); now = core::clock::now()) {
      timer_.postpone(by.until() + options_.idle);
      slice.expires_after(std::min(pause_slice, by.until() - now));
      co_await expiry(slice);
    }
  }

  task<> speak() {
    const bytes head = wire::as_bytes(asked_.head);
    const auto put = co_await write_all(upstream_, head);
    if (!put.done()) co_return fail(relay_side::upstream, put);
    moved(counters_.up, head.size());
    if (!asked_.body.complete()) begin_upload();
    co_await answer();
    if (!uploading_) co_return;
    if (!ok()) co_return give_up(result_.code);
    timer_.arm(core::clock::now() + late_upload, [this] { stop_upload(); });
  }

  void begin_upload() {
    uploading_ = true;
    auto pump = upload_to_its_end();
    start(std::move(pump));
  }

  task<> upload_to_its_end() {
    try {
      co_await upload();
    } catch (...) {
      give_up(errc::internal);
    }
    uploading_ = false;
    upload_ended_.cancel();
  }

  void stop_upload() {
    client_.socket().cancel();
    upstream_.socket().cancel();
  }

  // The request's body. What fails upstream is told by the answer, or by its absence.
  task<> upload() {
    const auto space = std::make_unique<buffer>();
    while (!asked_.body.complete()) {
      const auto got = co_await read_some(client_, *space);
      if (!got.done()) co_return abandon(got);
      const auto part = asked_.body.take({space->data(), got.count});
      const bytes rest = bytes{*space}.subspan(part.count, got.count - part.count);
      if (part.code != errc::ok) co_return abandon(progress::fail(part.code));
      const auto put = co_await write_all(upstream_, bytes{*space}.first(part.count));
      if (!put.done()) co_return;
      moved(counters_.up, part.count);
      if (!rest.empty()) client_.unread(rest);  // its next request
      if (!options_.up.empty()) co_await pay(options_.up, part.count);
    }
  }

  // The client did not send the body it had announced: the origin must not take it for whole.
  void abandon(const progress& why) {
    if (why.code == errc::canceled) return;
    fail(relay_side::client, why);
    give_up(result_.code);
  }

  task<> answer() {
    for (int interim = 0; ok();) {
      wire::http_response response;
      auto script = wire::http_read_response(asked_, response);
      const auto read = co_await drive(upstream_, script);
      if (read.code != errc::ok) co_return fail(relay_side::upstream, progress::fail(read.code, read.system_errno));
      if (!response.interim()) co_return co_await hand_on(response);
      if (++interim > wire::http_interim_max) co_return fail(relay_side::upstream, progress::fail(errc::oversized));
      response.head += "\r\n";
      if (asked_.interim) co_await tell(response.head);
    }
  }

  task<> tell(const std::string& head) {
    const bytes data = wire::as_bytes(head);
    const auto put = co_await write_all(client_, data);
    if (!put.done()) co_return fail(relay_side::client, put);
    moved(counters_.down, data.size());
  }

  task<> hand_on(wire::http_response& response) {
    result_.upgraded = response.status == 101;
    result_.client_goes_on = !last_ && asked_.persistent && !response.body.ends_by_close() && !result_.upgraded;
    result_.upstream_goes_on = response.persistent;
    if (!result_.client_goes_on && !result_.upgraded) response.head += "Connection: close\r\n";
    response.head += "\r\n";
    result_.answered = true;
    co_await tell(response.head);
    if (ok() && !response.body.complete()) co_await download(response.body);
  }

  task<> download(wire::http_body& body) {
    const auto space = std::make_unique<buffer>();
    while (!body.complete()) {
      const auto got = co_await read_some(upstream_, *space);
      if (got.what == kind::eof && body.ends_by_close()) co_return;
      if (!got.done()) co_return fail(relay_side::upstream, got);
      const auto part = body.take({space->data(), got.count});
      if (part.code != errc::ok) co_return fail(relay_side::upstream, progress::fail(part.code));
      const auto put = co_await write_all(client_, bytes{*space}.first(part.count));
      if (!put.done()) co_return fail(relay_side::client, put);
      moved(counters_.down, part.count);
      if (!options_.down.empty()) co_await pay(options_.down, part.count);
      if (part.count < got.count) result_.upstream_goes_on = false;  // nobody asked for what follows
    }
  }

  stream& client_;
  stream& upstream_;
  wire::http_request& asked_;
  const bool last_;
  const relay_options options_;
  relay_counters& counters_;
  deadlines::timer timer_;
  asio::steady_timer upload_ended_;  // never expires; canceled when it has
  exchange_result result_;
  bool uploading_ = false;
};

}  // namespace

task<exchange_result> http_exchange(stream& client, stream& upstream, wire::http_request& asked, bool last,
                                    deadlines& timers, const relay_options& options, relay_counters& counters) {
  exchange one{client, upstream, asked, last, timers, options, counters};
  co_return co_await one.run();
}

}  // namespace omnilink::io
