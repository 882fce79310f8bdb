// TOML read key by key, every mistake with its place. For config_file.cpp.
#pragma once

#include <toml++/toml.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"

namespace omnilink::cli {

/// More errors at once help nobody, and a hostile file cannot fill a terminal.
inline constexpr std::size_t config_errors_max = 20;

/// "omnilink.toml:12:7: …", in the order in which they were found.
class config_errors {
 public:
  explicit config_errors(std::string file) : file_{std::move(file)} {}
  void add(const toml::source_region& where, std::string_view what);
  std::size_t count() const noexcept { return lines_.size() + left_out_; }
  /// Sorted by place.
  std::vector<std::string> take();

 private:
  struct line {
    toml::source_position where;
    std::string text;
  };
  std::string file_;
  std::vector<line> lines_;
  std::size_t left_out_ = 0;
};

/// One table. Each read of a key makes it known; finish() reports the keys that nobody asked for. A key that
/// is not there leaves its value alone.
class table_reader {
 public:
  /// `name` is for messages: "[service]", "[[hop]]", "tls". All arguments must outlive the reader.
  table_reader(const toml::table& from, std::string name, config_errors& errors);

  /// nullptr: the key is not there.
  const toml::node* find(std::string_view key);
  /// nullptr: not there, or not a table (reported).
  const toml::table* table(std::string_view key);
  /// The tables of `[[key]]`; empty: not there, or something else (reported).
  std::vector<const toml::table*> tables(std::string_view key);

  /// Each returns whether the key was there and good.
  bool boolean(std::string_view key, bool& out);
  bool text(std::string_view key, std::string& out);
  /// A list of strings where `several`, or a single one.
  bool texts(std::string_view key, std::vector<std::string>& out, bool several);
  bool duration(std::string_view key, core::nanoseconds& out);
  bool size(std::string_view key, std::optional<std::uint64_t>& out);
  bool integer(std::string_view key, std::uint64_t& out, std::uint64_t max);
  template <class T>
  bool integer(std::string_view key, T& out) {
    std::uint64_t value = 0;
    if (!integer(key, value, std::numeric_limits<T>::max())) return false;
    out = static_cast<T>(value);
    return true;
  }
  /// One of `words`: its index.
  bool choice(std::string_view key, std::size_t& out, std::span<const std::string_view> words);
  bool choice(std::string_view key, std::size_t& out, std::initializer_list<std::string_view> words) {
    return choice(key, out, std::span{words.begin(), words.size()});
  }

  /// At that key's value, or where the table begins.
  void fail_at(std::string_view key, std::string_view what);
  void fail(std::string_view what) { errors_.add(from_.source(), what); }
  /// Of a room's validate(): placed at the key that it names. Empty: nothing.
  void report(std::string_view what);

  /// Keys of the design that this version does not have yet.
  void later(std::initializer_list<std::string_view> keys);
  void finish();

 private:
  void wrong_type(const toml::node& node, std::string_view key, std::string_view wanted);

  const toml::table& from_;
  const std::string name_;
  config_errors& errors_;
  std::vector<std::string_view> known_;
};

}  // namespace omnilink::cli
