#include "interceptor/library.hpp"

#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "io/unix_socket.hpp"

namespace omnilink::interceptor {
namespace {

namespace asio = boost::asio;
using boost::system::in_place_error;

struct outcome_words {
  std::string_view name, meaning;
};
constexpr std::array<outcome_words, library_outcomes> outcome_texts{{
    {"answered", ""},
    {"none", "the library gave no answer"},
    {"timed_out", "the library did not answer in time"},
    {"limit", "too many questions wait for the library"},
    {"lost", "the library's program has ended"},
    {"malformed", "the library's answer is malformed"},
    {"impossible", "the library's answer is not possible here"},
    {"late", "nobody waited for the library's answer"},
}};

// Then those who wait to be asked about have their turn.
constexpr int reads_at_once = 64;

// A token of a worker that has died means nothing to the one after it.
std::uint64_t random_token() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

// A connection that waits; touched on its worker only.
struct waiting_trip {
  waiting_trip(const asio::any_io_executor& executor, core::nanoseconds limit) : answered{executor, limit} {}
  asio::steady_timer answered;  // canceled when there is an answer
  bool done = false;
  library::reply answer;
};
using waiting_ptr = std::shared_ptr<waiting_trip>;

void resume(const waiting_ptr& who, library_outcome what, const wire::callout_answer& said = {}) {
  asio::post(who->answered.get_executor(), [who, what, said] {
    who->done = true;
    who->answer = {what, said};
    who->answered.cancel();
  });
}

}  // namespace

std::string_view word_of(library_outcome what) noexcept { return outcome_texts[static_cast<std::size_t>(what)].name; }
std::string_view meaning_of(library_outcome what) noexcept { return outcome_texts[static_cast<std::size_t>(what)].meaning; }

boost::system::result<std::shared_ptr<const library_peer>, std::string> meet_library(io::descriptor channel) {
  std::array<std::uint8_t, wire::callout_offer_size + 1> packet;
  const io::unix_message got = io::receive_message(channel.get(), packet);
  if (got.code != core::errc::ok) {
    const std::string why = got.system_errno != 0 ? std::strerror(got.system_errno) : std::string{core::meaning_of(got.code)};
    return {in_place_error, "no program that libomnilink is in has written there: " + why};
  }
  auto offer = wire::decode_callout_offer({packet.data(), got.size});
  if (!offer) return {in_place_error, "libomnilink and this omnilink are of different versions; install both of one"};
  return std::make_shared<const library_peer>(std::move(channel), std::move(*offer));
}

// All but the atomic ones belongs to the thread.
struct library::state {
  state(library& all, const library_peer& peer) : all{all}, wants_verdicts{peer.offer.wants_verdicts}, socket{io, ::dup(peer.channel.get())} {}

  struct question {
    waiting_ptr who;
    std::array<std::uint8_t, wire::callout_question_size> packet;
  };

  library& all;
  const bool wants_verdicts;
  std::atomic<std::uint64_t> next_token{random_token()};
  std::atomic<std::size_t> waiting{0};
  std::atomic<std::uint64_t> verdicts_lost{0};
  std::atomic<std::uint32_t> lost_before_next{0};
  std::atomic<std::size_t> posted{0};  // verdicts on their way to the thread
  std::atomic<bool> gone{false};
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  asio::posix::stream_descriptor socket;
  std::map<std::uint64_t, question> open;  // by token
  std::set<std::uint64_t> unsent;          // of these
  std::deque<wire::callout_verdict> verdicts;
  bool writing = false;
  std::thread thread;

  void put(std::uint64_t token, question one) {
    if (gone) return resume(one.who, library_outcome::lost);
    open.emplace(token, std::move(one));
    unsent.insert(token);
    flush();
  }

  void forget(std::uint64_t token) {
    open.erase(token);
    unsent.erase(token);
  }

  void leave_out_one() {
    lost_before_next.fetch_add(1, std::memory_order_relaxed);
    verdicts_lost.fetch_add(1, std::memory_order_relaxed);
  }

  void put(wire::callout_verdict what) {
    posted.fetch_sub(1, std::memory_order_relaxed);
    if (gone) return;
    if (verdicts.size() >= verdicts_max) return leave_out_one();
    what.lost = lost_before_next.exchange(0, std::memory_order_relaxed);
    verdicts.push_back(std::move(what));
    flush();
  }

  // Questions first: somebody waits for their answers.
  void flush() {
    while (!writing && !gone && !(unsent.empty() && verdicts.empty())) {
      const bool asks = !unsent.empty();
      const core::errc code = asks ? io::send_message(socket.native_handle(), open.at(*unsent.begin()).packet)
                                   : io::send_message(socket.native_handle(), wire::encode(verdicts.front()));
      if (code == core::errc::not_found) return wait_to_write();
      if (code != core::errc::ok) return lose();
      if (asks) unsent.erase(unsent.begin());
      else verdicts.pop_front();
    }
  }

  void wait_to_write() {
    writing = true;
    socket.async_wait(asio::posix::stream_descriptor::wait_write, [this](const boost::system::error_code& wrong) {
      writing = false;
      if (!wrong) flush();
    });
  }

  void read() {
    socket.async_wait(asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& wrong) {
      if (wrong) return;
      for (int n = 0; n < reads_at_once && read_one(); ++n) {
      }
      if (!gone) read();
    });
  }

  bool read_one() {
    std::array<std::uint8_t, wire::callout_answer_size + 1> packet;
    const io::unix_message got = io::receive_message(socket.native_handle(), packet);
    if (got.code == core::errc::not_found) return false;
    if (got.code != core::errc::ok && got.code != core::errc::oversized) {
      lose();
      return false;
    }
    const wire::bytes message{packet.data(), got.size};
    const auto said = wire::decode_callout_answer(message);
    const auto found = open.find(said ? said->token : wire::callout_token_of(message));
    if (found == open.end() || unsent.contains(found->first)) {
      all.count(said ? library_outcome::late : library_outcome::malformed);
      return true;
    }
    const bool none = said && said->action == wire::callout_answer::what::none;
    resume(found->second.who, !said ? library_outcome::malformed : none ? library_outcome::none : library_outcome::answered, said.value_or(wire::callout_answer{}));
    open.erase(found);
    return true;
  }

  void lose() {
    gone = true;
    boost::system::error_code ignored;
    socket.close(ignored);
    for (const auto& [token, one] : std::exchange(open, {})) resume(one.who, library_outcome::lost);
    unsent.clear();
    verdicts.clear();
  }
};

library::library(const library_peer& peer) : state_{std::make_unique<state>(*this, peer)} {
  state_->read();
  state_->thread = std::thread{[io = &state_->io] { io->run(); }};
}

// The last verdicts are sent as far as the program has room for them.
library::~library() {
  asio::post(state_->io, [s = state_.get()] {
    s->flush();
    s->io.stop();
  });
  state_->thread.join();
}

bool library::wants_verdicts() const noexcept { return state_->wants_verdicts; }
std::uint64_t library::verdicts_lost() const noexcept { return state_->verdicts_lost.load(std::memory_order_relaxed); }

io::task<library::reply> library::ask(wire::callout_question about, core::nanoseconds limit, io::canceler& owner, asio::io_context& home) {
  if (state_->waiting.fetch_add(1) >= waiting_max) {
    state_->waiting.fetch_sub(1);
    count(library_outcome::limit);
    co_return reply{library_outcome::limit, {}};
  }
  const std::uint64_t token = about.token = state_->next_token.fetch_add(1);
  about.limit_ms = static_cast<std::uint32_t>(core::to_milliseconds(limit));
  const auto open = std::make_shared<waiting_trip>(home.get_executor(), limit);
  asio::post(state_->io, [s = state_.get(), token, one = state::question{open, wire::encode(about)}]() mutable { s->put(token, std::move(one)); });
  if (owner.arm([raw = open.get()] { raw->answered.cancel(); })) {
    if (!open->done) co_await io::expiry(open->answered);
    owner.disarm();
  }
  if (!open->done) asio::post(state_->io, [s = state_.get(), token] { s->forget(token); });
  state_->waiting.fetch_sub(1);
  const reply out = open->done ? open->answer : reply{};
  if (!owner.canceled() && out.what != library_outcome::answered) count(out.what);
  co_return out;
}

void library::tell(const wire::callout_verdict& what) {
  if (state_->gone) return;
  if (state_->posted.fetch_add(1, std::memory_order_relaxed) >= verdicts_max) {
    state_->posted.fetch_sub(1, std::memory_order_relaxed);
    return state_->leave_out_one();
  }
  asio::post(state_->io, [s = state_.get(), what] { s->put(what); });
}

}  // namespace omnilink::interceptor
