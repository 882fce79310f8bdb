#include "wire/http_fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/control.hpp"
#include "wire/http_basic.hpp"

namespace omnilink::wire {
namespace {

constexpr std::array<std::string_view, 6> of_this_connection{"Proxy-Connection", "Proxy-Authenticate", "Keep-Alive", "TE",
                                                             "Proxy-Authentication-Info", "HTTP2-Settings"};
// Connection cannot take away what says where the body ends, or whose it is.
constexpr std::array<std::string_view, 3> of_the_message{"Content-Length", "Transfer-Encoding", "Host"};

template <class List>
bool contains(const List& list, std::string_view word) noexcept {
  return std::ranges::any_of(list, [&](std::string_view one) { return same_word(one, word); });
}

// Digits and nothing else: no sign, no list.
std::optional<std::uint64_t> parse_length(std::string_view text) noexcept {
  std::uint64_t out = 0;
  if (text.empty() || !std::ranges::all_of(text, is_digit)) return {};
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (wrong != std::errc{} || end != text.data() + text.size() || out > std::uint64_t{1} << 62) return {};
  return out;
}

}  // namespace

errc http_fields::take(const http_field& field) {
  if (std::ranges::any_of(field.value, [](char c) { return c != '\t' && core::is_control(c); })) return errc::bad_message;
  if (same_word(field.name, "Connection")) {
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const std::string_view option = without_space(rest.substr(0, comma));
      if (!option.empty()) connection_.emplace_back(option);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return errc::ok;
  }
  if (same_word(field.name, "Proxy-Authorization")) {
    if (std::exchange(has_login_, true)) return errc::bad_message;
    login_ = parse_basic(field.value);
    return errc::ok;
  }
  if (same_word(field.name, "Content-Length")) {
    const auto length = parse_length(field.value);
    if (!length || (length_ && *length_ != *length)) return errc::bad_message;
    length_ = length;
    return errc::ok;
  }
  if (same_word(field.name, "Transfer-Encoding")) {
    if (chunked_ || !same_word(field.value, "chunked")) return errc::bad_message;
    chunked_ = true;
    return errc::ok;
  }
  if (same_word(field.name, "Host")) return std::exchange(has_host_, true) ? errc::bad_message : errc::ok;
  if (same_word(field.name, "Upgrade")) return upgrade_ = field.value, errc::ok;
  if (contains(of_this_connection, field.name)) return errc::ok;
  kept_.push_back({text_.size(), field.name.size(), field.name.size() + 2 + field.value.size() + 2});
  text_.append(field.name).append(": ").append(field.value).append("\r\n");
  return errc::ok;
}

errc http_fields::check() const {
  if (chunked_ && length_) return errc::bad_message;
  return std::ranges::any_of(of_the_message, [&](std::string_view name) { return names(name); }) ? errc::bad_message : errc::ok;
}

bool http_fields::names(std::string_view option) const noexcept { return contains(connection_, option); }

std::string http_fields::forwarded(bool upgrade) const {
  std::string out;
  for (const kept& one : kept_) {
    const std::string_view line = std::string_view{text_}.substr(one.begin, one.size);
    if (!names(line.substr(0, one.name_size))) out += line;
  }
  if (length_) out += "Content-Length: " + std::to_string(*length_) + "\r\n";
  if (chunked_) out += "Transfer-Encoding: chunked\r\n";
  if (upgrade) out += "Connection: Upgrade\r\nUpgrade: " + upgrade_ + "\r\n";
  return out;
}

}  // namespace omnilink::wire
