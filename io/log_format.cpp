#include "io/log_format.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

namespace omnilink::io::log {
namespace {

// Length of the well-formed UTF-8 sequence (Unicode table 3-7) at the beginning of `text`; 0: there is none.
std::size_t sequence_at(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) {
    return static_cast<unsigned char>(i < text.size() ? text[i] : 0);
  };
  const auto follows = [&byte](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) > 0x9f;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && byte(1) < 0x90;
    const bool too_large = first == 0xf4 && byte(1) > 0x8f;
    return follows(1) && follows(2) && follows(3) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

// C0, DEL, and C1 (U+0080 to U+009F), which terminals obey as well.
bool is_control(std::string_view sequence) noexcept {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7f;
  return sequence.size() == 2 && first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0;
}

template <class Visit>
void for_each_sequence(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t valid = sequence_at(text);
    const std::size_t n = valid == 0 ? 1 : valid;
    visit(text.substr(0, n), valid != 0);
    text.remove_prefix(n);
  }
}

// Of text: those that stand without quotes.
constexpr auto bare = [] {
  std::array<bool, 256> out{};
  for (unsigned byte = '!'; byte < 0x7f; ++byte) out[byte] = byte != '"' && byte != '\\' && byte != '=';
  return out;
}();

bool needs_quotes(std::string_view text) noexcept {
  if (text.size() > value_max) return true;
  bool all = true;
  for (const char each : text) all &= bare[static_cast<unsigned char>(each)];
  return !all;
}

void put_quoted(std::string& out, std::string_view text) {
  out += '"';
  for_each_sequence(text.substr(0, value_max), [&out](std::string_view sequence, bool valid) {
    if (!valid || is_control(sequence)) {
      for (const char each : sequence)
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(each));
    } else {
      if (sequence == "\"" || sequence == "\\") out += '\\';
      out += sequence;
    }
  });
  if (text.size() > value_max) out += "...";
  out += '"';
}

void put_text(std::string& out, std::string_view text) {
  needs_quotes(text) ? put_quoted(out, text) : void(out += text);
}

bool is_plain(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char each) {
    const auto byte = static_cast<unsigned char>(each);
    return byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\';
  });
}

void put_json(std::string& out, std::string_view text) {
  out += '"';
  if (text.size() <= value_max && is_plain(text)) {
    out.append(text).append("\"");
    return;
  }
  for_each_sequence(text.substr(0, value_max), [&out](std::string_view sequence, bool valid) {
    if (!valid) {
      out += "\xef\xbf\xbd";
    } else if (is_control(sequence)) {
      const auto code = static_cast<unsigned char>(sequence.back());  // of C1, too: U+0080 is c2 80
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
    } else {
      if (sequence == "\"" || sequence == "\\") out += '\\';
      out += sequence;
    }
  });
  if (text.size() > value_max) out += "...";
  out += '"';
}

void put_number(std::string& out, std::integral auto value) {
  const fmt::format_int digits{value};
  out.append(digits.data(), digits.size());
}

template <class PutString>
void put_value(std::string& out, const field& which, PutString put_string) {
  std::visit(
      [&]<class T>(T value) {
        if constexpr (std::is_same_v<T, std::string_view>) {
          put_string(out, value);
        } else if constexpr (std::is_same_v<T, double>) {
          // JSON has neither infinity nor NaN.
          std::isfinite(value) ? void(fmt::format_to(std::back_inserter(out), "{}", value))
                               : void(out += "null");
        } else if constexpr (std::is_same_v<T, bool>) {
          out += value ? "true" : "false";
        } else {
          put_number(out, value);
        }
      },
      which.value);
}

// A line is made on the thread of the connection that it tells of, so what is the same in all lines of a second is
// made once.
void put_time(std::string& out, std::chrono::system_clock::time_point when) {
  thread_local std::time_t made_for = -1;
  thread_local std::string made;
  const auto second = std::chrono::floor<std::chrono::seconds>(when);
  if (const std::time_t wanted = std::chrono::system_clock::to_time_t(second); wanted != made_for) {
    made = fmt::format("{:%FT%T}.", fmt::gmtime(wanted));
    made_for = wanted;
  }
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(when - second).count();
  const char digits[] = {static_cast<char>('0' + milliseconds / 100), static_cast<char>('0' + milliseconds / 10 % 10),
                         static_cast<char>('0' + milliseconds % 10), 'Z'};
  out.append(made).append(digits, sizeof digits);
}

// An access line's size.
constexpr std::size_t usual_size = 320;

}  // namespace

std::string_view name_of(level which) noexcept {
  switch (which) {
    case level::debug:
      return "debug";
    case level::info:
      return "info";
    case level::warn:
      return "warn";
    case level::error:
      return "error";
    case level::off:
      return "off";
  }
  return "off";
}

std::string format_text(std::chrono::system_clock::time_point when, level how, std::string_view slug,
                        std::span<const field> fields) {
  std::string out;
  out.reserve(usual_size);
  put_time(out, when);
  out.append(" ").append(name_of(how)).append(" ").append(slug);
  for (const field& each : fields) {
    if (const auto* text = std::get_if<std::string_view>(&each.value); text && text->empty()) continue;
    out += ' ';
    out.append(each.key) += '=';
    put_value(out, each, put_text);
  }
  return out;
}

std::string format_json(std::chrono::system_clock::time_point when, level how, std::string_view slug,
                        std::span<const field> fields) {
  std::string out;
  out.reserve(usual_size);
  out += "{\"time\":\"";
  put_time(out, when);
  out.append("\",\"level\":\"").append(name_of(how)).append("\",\"event\":");
  put_json(out, slug);
  for (const field& each : fields) {
    out += ',';
    put_json(out, each.key);
    out += ':';
    put_value(out, each, put_json);
  }
  return out += '}';
}

}  // namespace omnilink::io::log
