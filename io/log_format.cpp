#include "io/log_format.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <optional>

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

using line_buffer = fmt::basic_memory_buffer<char, 512>;  // most access lines take less

void put(line_buffer& out, std::string_view text) { out.append(text.data(), text.data() + text.size()); }
void put(line_buffer& out, char byte) { out.push_back(byte); }

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

void put_quoted(line_buffer& out, std::string_view text) {
  put(out, '"');
  for_each_sequence(text.substr(0, value_max), [&out](std::string_view sequence, bool valid) {
    if (!valid || is_control(sequence)) {
      for (const char each : sequence) fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(each));
    } else {
      if (sequence == "\"" || sequence == "\\") put(out, '\\');
      put(out, sequence);
    }
  });
  if (text.size() > value_max) put(out, "...");
  put(out, '"');
}

bool is_plain(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char each) {
    const auto byte = static_cast<unsigned char>(each);
    return byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\';
  });
}

void put_json(line_buffer& out, std::string_view text) {
  put(out, '"');
  if (text.size() <= value_max && is_plain(text)) {
    put(out, text);
    return put(out, '"');
  }
  for_each_sequence(text.substr(0, value_max), [&out](std::string_view sequence, bool valid) {
    if (!valid) {
      put(out, "\xef\xbf\xbd");
    } else if (is_control(sequence)) {
      const auto code = static_cast<unsigned char>(sequence.back());  // of C1, too: U+0080 is c2 80
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
    } else {
      if (sequence == "\"" || sequence == "\\") put(out, '\\');
      put(out, sequence);
    }
  });
  if (text.size() > value_max) put(out, "...");
  put(out, '"');
}

// A number or a truth as it stands in either form.
class digits {
 public:
  explicit digits(const field& which) {
    if (const auto* u = std::get_if<std::uint64_t>(&which.value)) text_ = whole(*u);
    else if (const auto* i = std::get_if<std::int64_t>(&which.value)) text_ = whole(*i);
    else if (const auto* b = std::get_if<bool>(&which.value)) text_ = *b ? "true" : "false";
    else if (const auto* d = std::get_if<double>(&which.value)) text_ = real(*d);
  }
  std::string_view view() const noexcept { return text_; }

 private:
  std::string_view whole(std::integral auto value) {
    made_.emplace(value);
    return {made_->data(), made_->size()};
  }
  // JSON has neither infinity nor NaN.
  std::string_view real(double value) {
    long_ = std::isfinite(value) ? fmt::format("{}", value) : "null";
    return long_;
  }

  std::optional<fmt::format_int> made_;
  std::string long_;
  std::string_view text_;
};

// " key=value", with one look for room.
void put_pair(line_buffer& out, std::string_view key, std::string_view value) {
  const std::size_t before = out.size();
  out.resize(before + key.size() + value.size() + 2);
  char* at = out.data() + before;
  *at++ = ' ';
  at = std::copy(key.begin(), key.end(), at);
  *at++ = '=';
  std::copy(value.begin(), value.end(), at);
}

void put_text(line_buffer& out, const field& each) {
  if (const auto* ours = std::get_if<plain>(&each.value)) {
    if (!ours->text.empty()) put_pair(out, each.key, ours->text);
  } else if (const auto* text = std::get_if<std::string_view>(&each.value); !text) {
    put_pair(out, each.key, digits{each}.view());
  } else if (!text->empty()) {
    const bool quotes = needs_quotes(*text);
    put_pair(out, each.key, quotes ? std::string_view{} : *text);
    if (quotes) put_quoted(out, *text);
  }
}

void put_json(line_buffer& out, const field& each) {
  put(out, ',');
  put_json(out, each.key);
  put(out, ':');
  if (const auto* ours = std::get_if<plain>(&each.value)) put_json(out, ours->text);
  else if (const auto* text = std::get_if<std::string_view>(&each.value)) put_json(out, *text);
  else put(out, digits{each}.view());
}

// A line is made on the thread of the connection that it tells of, so what is the same in all lines of a second is
// made once.
void put_time(line_buffer& out, std::chrono::system_clock::time_point when) {
  thread_local std::time_t made_for = -1;
  thread_local std::string made;
  const auto second = std::chrono::floor<std::chrono::seconds>(when);
  if (const std::time_t wanted = std::chrono::system_clock::to_time_t(second); wanted != made_for) {
    made = fmt::format("{:%FT%T}.", fmt::gmtime(wanted));
    made_for = wanted;
  }
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(when - second).count();
  const char thousandths[] = {static_cast<char>('0' + milliseconds / 100), static_cast<char>('0' + milliseconds / 10 % 10),
                              static_cast<char>('0' + milliseconds % 10), 'Z'};
  put(out, made);
  put(out, {thousandths, sizeof thousandths});
}

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
  line_buffer out;
  put_time(out, when);
  put(out, ' ');
  put(out, name_of(how));
  put(out, ' ');
  put(out, slug);
  for (const field& each : fields) put_text(out, each);
  return {out.data(), out.size()};
}

std::string format_json(std::chrono::system_clock::time_point when, level how, std::string_view slug,
                        std::span<const field> fields) {
  line_buffer out;
  put(out, "{\"time\":\"");
  put_time(out, when);
  put(out, "\",\"level\":\"");
  put(out, name_of(how));
  put(out, "\",\"event\":");
  put_json(out, slug);
  for (const field& each : fields) put_json(out, each);
  put(out, '}');
  return {out.data(), out.size()};
}

}  // namespace omnilink::io::log
