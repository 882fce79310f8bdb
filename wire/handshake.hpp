// The sans-I/O coroutine in which every handshake is written (design: a script asks for bytes, somebody else has the
// socket). A script is a function that returns `handshake` and says, in order:
//
//     co_await send{span};                                    // all of it is written before the script goes on
//     const auto head = co_await receive{2};                  // exactly 2 bytes
//     const auto line = co_await receive_until{limit, "\r\n"};  // up to and with the delimiter; empty: over the limit
//     co_return errc::ok;                                     // or what is wrong
//
// "Incomplete" is a suspension, "invalid" is a co_return, and the outcome is the same at every split of the input.
// A received span is valid until the next receive. A sent span must live in the script's frame (or outlive it).
// Wants are trivially destructible: g++ 12 destroys a braced temporary in a co_await expression twice.
#pragma once

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/errc.hpp"
#include "core/secret.hpp"

namespace omnilink::wire {

using core::errc;
using bytes = std::span<const std::uint8_t>;

struct send {
  bytes data;
};
struct receive {
  std::size_t count;  ///< at least 1
};
struct receive_until {
  std::size_t limit;           ///< most bytes to hold, the delimiter included
  std::string_view delimiter;  ///< not empty; must outlive the wait (a literal)
};

class [[nodiscard]] handshake {
 public:
  enum class state : std::uint8_t { sending, receiving, done };
  struct promise_type;

  handshake(handshake&& other) noexcept : frame_{std::exchange(other.frame_, {})} {}
  handshake& operator=(handshake&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~handshake() {
    if (frame_) frame_.destroy();
  }

  state now() const noexcept;
  bool done() const noexcept { return now() == state::done; }
  /// What the script wants written; meaningful while sending.
  bytes output() const noexcept;
  /// All of output() was written: go on.
  void sent();
  /// The most bytes that feed() could still take; 0 unless receiving. Reading no more than this from a socket never
  /// goes past the handshake when exact() is true.
  std::size_t needed() const noexcept;
  /// True while waiting for a counted message; false while looking for a delimiter.
  bool exact() const noexcept;
  /// Gives bytes from the peer; returns how many were taken. The rest belong to the stream behind the handshake, or to
  /// the script's next wait.
  std::size_t feed(bytes data);
  /// Meaningful when done.
  errc result() const noexcept;

 private:
  explicit handshake(std::coroutine_handle<promise_type> frame) : frame_{frame} {}
  std::coroutine_handle<promise_type> frame_;
};

struct handshake::promise_type {
  state now = state::done;
  errc outcome = errc::internal;
  bytes output;
  std::vector<std::uint8_t, core::wiping_allocator<std::uint8_t>> input;  // a login may be in it
  std::size_t wanted = 0;       // exact count, or the limit
  std::string_view delimiter;   // empty: exact
  bool over_limit = false;

  handshake get_return_object() { return handshake{std::coroutine_handle<promise_type>::from_promise(*this)}; }
  std::suspend_never initial_suspend() noexcept { return {}; }
  std::suspend_always final_suspend() noexcept {
    now = state::done;
    return {};
  }
  void return_value(errc code) noexcept { outcome = code; }
  void unhandled_exception() noexcept { outcome = errc::internal; }  // only bad_alloc can get here

  struct send_wait {
    promise_type* promise;
    bytes data;
    bool await_ready() const noexcept { return data.empty(); }
    void await_suspend(std::coroutine_handle<>) const noexcept {
      promise->now = state::sending;
      promise->output = data;
    }
    void await_resume() const noexcept {}
  };
  struct receive_wait {
    promise_type* promise;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept { promise->now = state::receiving; }
    bytes await_resume() const noexcept { return promise->over_limit ? bytes{} : bytes{promise->input}; }
  };
  static_assert(std::is_trivially_destructible_v<send_wait> && std::is_trivially_destructible_v<receive_wait> &&
                std::is_trivially_destructible_v<send> && std::is_trivially_destructible_v<receive> &&
                std::is_trivially_destructible_v<receive_until>);

  send_wait await_transform(send want) noexcept { return {this, want.data}; }
  receive_wait await_transform(receive want) noexcept { return begin(want.count, {}); }
  receive_wait await_transform(receive_until want) noexcept { return begin(want.limit, want.delimiter); }

 private:
  receive_wait begin(std::size_t count, std::string_view until) noexcept {
    input.clear();
    wanted = count;
    delimiter = until;
    over_limit = false;
    return {this};
  }
};

inline handshake::state handshake::now() const noexcept { return frame_.promise().now; }
inline bytes handshake::output() const noexcept {
  return now() == state::sending ? frame_.promise().output : bytes{};
}
inline void handshake::sent() {
  if (now() == state::sending) frame_.resume();
}
inline std::size_t handshake::needed() const noexcept {
  return now() == state::receiving ? frame_.promise().wanted - frame_.promise().input.size() : 0;
}
inline bool handshake::exact() const noexcept { return frame_.promise().delimiter.empty(); }
inline errc handshake::result() const noexcept { return frame_.promise().outcome; }

inline std::size_t handshake::feed(bytes data) {
  if (now() != state::receiving || data.empty()) return 0;
  auto& p = frame_.promise();
  const std::size_t before = p.input.size();
  std::size_t take = std::min(data.size(), p.wanted - before);
  bool complete = before + take == p.wanted;
  p.input.insert(p.input.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(take));
  if (!p.delimiter.empty()) {
    // Only what is new, and the delimiter's length before it, is searched: linear over the whole head.
    const std::size_t from = before >= p.delimiter.size() ? before - (p.delimiter.size() - 1) : 0;
    const auto found = std::search(p.input.begin() + static_cast<std::ptrdiff_t>(from), p.input.end(),
                                   p.delimiter.begin(), p.delimiter.end());
    if (found != p.input.end()) {
      p.input.erase(found + static_cast<std::ptrdiff_t>(p.delimiter.size()), p.input.end());
      take = p.input.size() - before;
      complete = true;
    } else {
      p.over_limit = complete;
    }
  }
  if (complete) frame_.resume();
  return take;
}

}  // namespace omnilink::wire
