// The log: one line per event, a stable slug and key/value fields. A line is handed to the log's own thread
// through a bounded queue; when that is full the oldest line is dropped and the loss is logged. So no caller
// ever waits for a disk or a terminal. Before init() and after shutdown() lines go nowhere.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "io/log_format.hpp"

namespace omnilink::io {

struct log_config {
  enum class format_kind : std::uint8_t { text, json };
  log::level level = log::level::info;  ///< the lowest that is written
  format_kind format = format_kind::text;
  /// Lines that may wait, about 0.4 KiB each; 16 to 1 Mi.
  std::size_t queue = 8192;
  /// Where lines go, without the line feed, on the log's own thread; may block. Empty: standard error.
  std::function<void(std::string_view line)> sink;
  /// Empty: valid; otherwise what is wrong, naming the key.
  std::string validate() const;
};

namespace log {

/// Once, by main; from any thread afterwards. Starts the log's thread: block signals before.
void init(const log_config& config);
/// Level and format from now on; the rest stays. From any thread, between init() and shutdown().
void adjust(const log_config& config);
/// Writes what is queued, then ends the thread; gives up after a second where nobody reads standard error any more.
void shutdown();

bool enabled(level which) noexcept;

/// Since init(): lines that were dropped for want of room.
std::uint64_t lines_dropped();

/// `slug` is a literal and an event's name for ever: "listening", "accept-failed".
void line(level how, std::string_view slug, std::span<const field> fields);
inline void line(level how, std::string_view slug, std::initializer_list<field> fields = {}) {
  line(how, slug, std::span{fields.begin(), fields.size()});
}

/// For what may happen many times a second: one line per slug and second; the next one says how many were
/// left out.
void at_most_once_a_second(level how, std::string_view slug, std::initializer_list<field> fields = {});

}  // namespace log
}  // namespace omnilink::io
