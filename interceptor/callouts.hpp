// The callouts that a configuration may name, and what it says of each: `sniff`, `limit`, `log`, `tag`, `library`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/clock.hpp"
#include "interceptor/filter/callout.hpp"
#include "interceptor/filter/rule.hpp"
#include "io/log.hpp"

namespace omnilink::interceptor {

/// Reads the name in the client's first bytes, for the last hop: see callout_sniff.hpp.
struct sniff_settings {
  core::nanoseconds wait = std::chrono::milliseconds{300};  ///< for these bytes; 10 ms to 10 s. Servers that speak first wait as long
  friend bool operator==(const sniff_settings&, const sniff_settings&) = default;
};

/// How much connections with the same values of `by` may have together. 0: no limit of that kind.
struct limit_settings {
  std::vector<filter::field_id> by;          ///< none: all of them together
  std::uint32_t connections = 0;             ///< at once
  std::uint32_t connections_per_second = 0;  ///< as many at a time, after a pause
  std::uint64_t bytes_per_second = 0;        ///< each way; 1 KiB to 4 GiB
  std::uint32_t keys = 16384;                ///< values that are told apart; those beyond share one limit; 1 to 1 Mi
  friend bool operator==(const limit_settings&, const limit_settings&) = default;
};

/// A line for each connection.
struct log_settings {
  io::log::level level = io::log::level::info;
  std::string text;
  friend bool operator==(const log_settings&, const log_settings&) = default;
};

/// A word on the connection.
struct tag_settings {
  std::string word;
  friend bool operator==(const tag_settings&, const tag_settings&) = default;
};

/// Asks the program that started this service (library.hpp): see callout_library.hpp.
struct library_settings {
  core::nanoseconds timeout = std::chrono::seconds{5};                   ///< 10 ms to 10 min
  std::optional<filter::action> unanswered = filter::action::block();    ///< what counts then; nullopt: no opinion
  friend bool operator==(const library_settings&, const library_settings&) = default;
};

struct callout_settings {
  std::string name;
  /// The last one is code of whoever starts the service; no file can name it.
  std::variant<sniff_settings, limit_settings, log_settings, tag_settings, library_settings, std::shared_ptr<filter::callout>> what;

  /// Empty: valid; otherwise which key, and its range.
  std::string validate() const;
  filter::known_callout known() const;
  /// Empty: it has something to do at this layer; otherwise where it belongs.
  std::string why_not_at(filter::layer_id where) const;
  /// For people: "limit: 20 connections at once for each local_address".
  std::string to_string() const;
};

/// How a destination may be shown in the log.
using shown_destination = std::function<std::string(const std::string&)>;

/// The code for `settings`. `former`: what the name stood for until now, or null; a limit goes on counting what that has counted.
std::shared_ptr<filter::callout> make_callout(const callout_settings& settings, std::shared_ptr<filter::callout> former,
                                              shown_destination show);

}  // namespace omnilink::interceptor
