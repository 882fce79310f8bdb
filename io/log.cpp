#include "io/log.hpp"

#include <poll.h>
#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/clock.hpp"

namespace omnilink::io {

std::string log_config::validate() const {
  if (queue < 16 || queue > 1024 * 1024) return "log.queue: must be 16 to 1048576";
  return {};
}

namespace log {
namespace {

using core::instant;
constexpr core::nanoseconds second = std::chrono::seconds{1};
// Slugs are literals; there are not so many.
constexpr std::size_t noisy_max = 256;

// From shutdown() on: a reader who has stopped reading must not keep the process.
std::atomic<std::int64_t> give_up_at{std::numeric_limits<std::int64_t>::max()};
constexpr core::nanoseconds shutdown_limit = second;
constexpr int look_again_ms = 100;

bool wait_for_stderr() {
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  for (;;) {
    const bool late = core::clock::now().time_since_epoch().count() >= give_up_at.load();
    if (::poll(&ready, 1, late ? 0 : look_again_ms) != 0) return true;
    if (late) return false;
  }
}

// Only the log's one thread gets here: no lock.
using sink_base = spdlog::sinks::base_sink<spdlog::details::null_mutex>;

class function_sink final : public sink_base {
 public:
  explicit function_sink(std::function<void(std::string_view)> write) : write_{std::move(write)} {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    write_({message.payload.data(), message.payload.size()});
  }
  void flush_() override {}
  std::function<void(std::string_view)> write_;
};

// What is at hand goes out in one piece, then the thread rests: at thousands of lines a second, to be woken for each would
// cost more than all of the rest. A first line is not held up.
class stderr_sink final : public sink_base {
 public:
  explicit stderr_sink(spdlog::details::thread_pool& queue) : queue_{queue} {}
  ~stderr_sink() override { write_out(); }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (lines_.size() + message.payload.size() >= piece_max) write_out();
    lines_.append(message.payload.data(), message.payload.size()) += '\n';
    if (queue_.queue_size() > 0) return;
    write_out();
    std::this_thread::sleep_for(rest);
  }
  void flush_() override { write_out(); }

  void write_out() {
    // Where standard error is gone there is nobody to tell.
    if (!lines_.empty() && wait_for_stderr()) {
      [[maybe_unused]] const auto written = ::write(STDERR_FILENO, lines_.data(), lines_.size());
    }
    lines_.clear();
  }

  static constexpr std::size_t piece_max = PIPE_BUF;  // so much does not mix with other processes' lines (pipe(7))
  static constexpr auto rest = std::chrono::milliseconds{5};

  spdlog::details::thread_pool& queue_;
  std::string lines_;
};

struct noisy {
  instant last{};
  std::uint64_t left_out = 0;
};

class writer {
 public:
  explicit writer(const log_config& config)
      : format_{config.format},
        pool_{std::make_shared<spdlog::details::thread_pool>(config.queue, 1)},
        logger_{std::make_shared<spdlog::async_logger>("omnilink", sink_for(config), pool_,
                                                       spdlog::async_overflow_policy::overrun_oldest)} {
    logger_->set_level(spdlog::level::trace);  // what gets here is to be written
  }

  ~writer() {
    report_loss();
    // Joins the log's thread, so that the sink ends on this one; it writes what it still holds.
    pool_.reset();
  }
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;

  void write(level how, std::string_view slug, std::span<const field> fields) {
    put(how, slug, fields);
    // Looking takes the queue's lock, so once a second is enough.
    const auto now = core::clock::now().time_since_epoch().count();
    auto before = looked_.load(std::memory_order_relaxed);
    if (now - before >= second.count() && looked_.compare_exchange_strong(before, now)) report_loss();
  }

  // nullopt: not now. Otherwise how many lines were left out since the last one.
  std::optional<std::uint64_t> admit(std::string_view slug) {
    const auto now = core::clock::now();
    const std::lock_guard guard{lock_};
    if (noisy_.size() >= noisy_max && !noisy_.contains(std::string{slug})) return std::nullopt;
    noisy& which = noisy_[std::string{slug}];
    if (which.last != instant{} && now - which.last < second) {
      ++which.left_out;
      return std::nullopt;
    }
    which.last = now;
    return std::exchange(which.left_out, 0);
  }

  std::uint64_t lost() const { return pool_->overrun_counter(); }

  void set_format(log_config::format_kind format) noexcept { format_.store(format, std::memory_order_relaxed); }

 private:
  spdlog::sink_ptr sink_for(const log_config& config) const {
    if (config.sink) return std::make_shared<function_sink>(config.sink);
    return std::make_shared<stderr_sink>(*pool_);
  }

  void put(level how, std::string_view slug, std::span<const field> fields) {
    const auto now = std::chrono::system_clock::now();
    const std::string line = format_.load(std::memory_order_relaxed) == log_config::format_kind::json ? format_json(now, how, slug, fields)
                                                                      : format_text(now, how, slug, fields);
    logger_->log(spdlog::level::info, spdlog::string_view_t{line.data(), line.size()});
  }

  void report_loss() {
    const std::size_t lost = pool_->overrun_counter();
    const std::size_t known = lost_.exchange(lost);
    if (lost > known) {
      const field count{"count", lost - known};
      put(level::warn, "log-lines-dropped", {&count, 1});
    }
  }

  std::atomic<log_config::format_kind> format_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;  // its end writes what is queued
  const std::shared_ptr<spdlog::async_logger> logger_;
  std::atomic<std::int64_t> looked_{0};
  std::atomic<std::size_t> lost_{0};
  std::mutex lock_;
  std::unordered_map<std::string, noisy> noisy_;
};

std::atomic<std::shared_ptr<writer>> current;
std::atomic<level> lowest{level::off};

}  // namespace

void init(const log_config& config) {
  give_up_at.store(std::numeric_limits<std::int64_t>::max());
  current.store(std::make_shared<writer>(config));
  lowest.store(config.level, std::memory_order_relaxed);
}

void adjust(const log_config& config) {
  if (const auto now = current.load()) now->set_format(config.format);
  lowest.store(config.level, std::memory_order_relaxed);
}

void shutdown() {
  lowest.store(level::off, std::memory_order_relaxed);
  give_up_at.store((core::clock::now() + shutdown_limit).time_since_epoch().count());
  current.store(nullptr);
}

bool enabled(level which) noexcept {
  return which >= lowest.load(std::memory_order_relaxed) && which != level::off;
}

std::uint64_t lines_dropped() {
  const auto now = current.load();
  return now ? now->lost() : 0;
}

void line(level how, std::string_view slug, std::span<const field> fields) {
  if (!enabled(how)) return;
  if (const auto now = current.load()) now->write(how, slug, fields);
}

void at_most_once_a_second(level how, std::string_view slug, std::initializer_list<field> fields) {
  if (!enabled(how)) return;
  const auto now = current.load();
  if (!now) return;
  const auto left_out = now->admit(slug);
  if (!left_out) return;
  std::vector<field> all{fields};
  if (*left_out > 0) all.emplace_back("left_out", *left_out);
  now->write(how, slug, all);
}

}  // namespace log
}  // namespace omnilink::io
