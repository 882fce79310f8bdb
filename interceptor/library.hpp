// The program that started this service and has code of callouts (libomnilink), at the other end of a socket: it is asked about
// connections, and told how they ended. On a thread of its own, so that no worker waits; the program may be slow, gone, or hostile.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/system/result.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "io/canceler.hpp"
#include "io/descriptor.hpp"
#include "io/task.hpp"
#include "wire/callout_messages.hpp"

namespace omnilink::interceptor {

/// What it has said first. Copies of the descriptor end with the processes that have it.
struct library_peer {
  io::descriptor channel;
  wire::callout_offer offer;
};

/// It has written already; otherwise one line why it is none.
boost::system::result<std::shared_ptr<const library_peer>, std::string> meet_library(io::descriptor channel);

/// What became of a question.
enum class library_outcome : std::uint8_t {
  answered,
  none,        ///< it has said that it does not answer
  timed_out,
  limit,       ///< too many wait
  lost,        ///< the program has ended
  malformed,
  impossible,  ///< not at this layer, or a chain that does not exist
  late,        ///< an answer that nobody waited for (any more)
};
inline constexpr std::size_t library_outcomes = 8;
/// "timed_out".
std::string_view word_of(library_outcome what) noexcept;
/// For people, of all but `answered`: "the library did not answer in time".
std::string_view meaning_of(library_outcome what) noexcept;

class library {
 public:
  /// Questions that may wait for their answer; for one more there is none.
  static constexpr std::size_t waiting_max = 4096;
  /// Verdicts on their way to a program that does not read; the next one says how many were left out.
  static constexpr std::size_t verdicts_max = 1024;

  explicit library(const library_peer& peer);
  ~library();  ///< no coroutine may resume meanwhile
  library(const library&) = delete;
  library& operator=(const library&) = delete;

  struct reply {
    library_outcome what = library_outcome::timed_out;
    wire::callout_answer said;  ///< answered
  };
  /// From a coroutine on any worker, which goes on there. The question's token and limit are given here. What is not an answer is counted;
  /// an answer by whoever sees whether it is possible.
  io::task<reply> ask(wire::callout_question about, core::nanoseconds limit, io::canceler& owner, boost::asio::io_context& home);
  /// From any thread; never waits.
  void tell(const wire::callout_verdict& what);
  bool wants_verdicts() const noexcept;

  /// Any thread.
  void count(library_outcome what) noexcept { counts_[static_cast<std::size_t>(what)].fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t counted(library_outcome what) const noexcept { return counts_[static_cast<std::size_t>(what)].load(std::memory_order_relaxed); }
  std::uint64_t verdicts_lost() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
  std::array<std::atomic<std::uint64_t>, library_outcomes> counts_{};
};

}  // namespace omnilink::interceptor
