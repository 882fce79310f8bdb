#include "wire/http_forward.hpp"

#include <string_view>

#include "core/control.hpp"
#include "wire/byte_codec.hpp"
#include "wire/http_fields.hpp"
#include "wire/http_head.hpp"

namespace omnilink::wire {
namespace {

constexpr std::string_view http_scheme = "http://";
constexpr std::uint16_t http_port = 80;

struct request_line {
  std::string_view method, target, version;  // version: behind the protocol's name
};

// RFC 9112 section 3: three words, one space between.
errc parse_request_line(std::string_view line, request_line& out) noexcept {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == line.npos || first == last) return errc::bad_message;
  out.method = line.substr(0, first);
  out.target = line.substr(first + 1, last - first - 1);
  out.version = line.substr(last + 1);
  const bool strange = std::ranges::any_of(out.target, [](char c) { return c == ' ' || c == '#' || core::is_control(c); });
  if (!is_token(out.method) || out.target.empty() || strange) return errc::bad_message;
  if (!out.version.starts_with(http_protocol_name)) return errc::bad_message;
  out.version.remove_prefix(http_protocol_name.size());
  return check_http_version(out.version);
}

// Of a URL: host, or host:port, without a user.
std::optional<core::target> parse_authority(std::string_view text) {
  if (auto whole = core::target::parse(text)) return whole;
  if (text.ends_with(':')) text.remove_suffix(1);
  const bool bare_v6 = text.find(':') != text.npos && !text.starts_with('[');
  if (bare_v6) return {};
  return core::target::parse_host(text, http_port);
}

std::string host_field(const core::target& of) {
  std::string out = of.to_string();
  if (of.port == http_port) out.resize(out.size() - std::string_view{":80"}.size());
  return out;
}

// What an absolute URL asks its origin for.
struct absolute_form {
  std::optional<core::target> origin;
  std::string path;
};

absolute_form parse_absolute(const request_line& line) {
  std::string_view url = line.target;
  if (!same_word(url.substr(0, http_scheme.size()), http_scheme)) return {};
  url.remove_prefix(http_scheme.size());
  const std::size_t end = std::min(url.find_first_of("/?"), url.size());
  absolute_form out{parse_authority(url.substr(0, end)), std::string{url.substr(end)}};
  // RFC 9112 sections 3.2.1 and 3.2.4.
  if (out.path.empty() && line.method == "OPTIONS") out.path = "*";
  if (!out.path.starts_with('/') && out.path != "*") out.path.insert(0, "/");
  return out;
}

http_body body_of(const http_fields& fields) noexcept {
  if (fields.chunked()) return http_body::chunked();
  return fields.length() ? http_body::of_length(*fields.length()) : http_body::none();
}

// RFC 9112 section 4, without the protocol's name. The space behind the status may be missing when there is no reason.
errc parse_status_line(std::string_view line, bool& is_1_1, std::uint16_t& status) noexcept {
  if (line.size() < 7 || line[3] != ' ' || (line.size() > 7 && line[7] != ' ')) return errc::bad_message;
  if (const errc code = check_http_version(line.substr(0, 3)); code != errc::ok) return code;
  is_1_1 = line[2] == '1';
  std::uint16_t value = 0;
  for (const char c : line.substr(4, 3)) {
    if (!is_digit(c)) return errc::bad_message;
    value = static_cast<std::uint16_t>(value * 10 + (c - '0'));
  }
  if (value < 100 || value > 599) return errc::bad_message;
  if (std::ranges::any_of(line, [](char c) { return c != '\t' && core::is_control(c); })) return errc::bad_message;
  status = value;
  return errc::ok;
}

// RFC 9112 section 6.3.
http_body body_of(const http_request& asked, const http_response& response, const http_fields& fields) noexcept {
  if (asked.no_body_back || response.status < 200 || response.status == 204 || response.status == 304) return http_body::none();
  if (fields.chunked()) return http_body::chunked();
  return fields.length() ? http_body::of_length(*fields.length()) : http_body::until_close();
}

}  // namespace

handshake http_read_request(http_request& out) {
  out = {};
  out.reply_due = true;
  head_budget head;
  const bytes first = co_await receive_until{head.bytes_left(), "\n"};
  if (first.empty()) co_return errc::oversized;
  const std::optional<std::string_view> text = head.take_line(first);
  request_line line;
  if (!text) co_return errc::bad_message;
  if (const errc code = parse_request_line(*text, line); code != errc::ok) co_return code;
  out.tunnel = line.method == "CONNECT";
  const bool is_1_1 = line.version == "1.1";
  absolute_form asked;
  if (out.tunnel) {
    asked.origin = core::target::parse(line.target);
  } else {
    asked = parse_absolute(line);
  }
  std::string begin = out.tunnel ? std::string{} : std::string{line.method} + " " + asked.path + " HTTP/" + std::string{line.version} + "\r\n";
  out.no_body_back = line.method == "HEAD";

  // The whole head is read before it is judged: a close with unread bytes would reset our reply away.
  http_fields fields;
  for (bool complete = false; !complete;) {
    if (head.bytes_left() == 0) co_return errc::oversized;
    const bytes raw = co_await receive_until{head.bytes_left(), "\n"};
    if (raw.empty()) co_return errc::oversized;
    const std::optional<std::string_view> one = head.take_line(raw);
    if (!one) co_return errc::bad_message;
    if (const errc code = head.take_field(*one); code != errc::ok) co_return code;
    complete = one->empty();
    if (complete) continue;
    if (const errc code = fields.take(*parse_field(*one)); code != errc::ok) co_return code;
  }
  out.login = fields.take_login();
  if (!asked.origin) co_return errc::bad_name;
  out.destination = std::move(*asked.origin);
  if (out.tunnel) co_return errc::ok;  // a body makes no sense, and what follows is the tunnel's
  if (const errc code = fields.check(); code != errc::ok) co_return code;
  // An old client cannot end a chunked body, and one of 1.1 names its host.
  if (is_1_1 ? !fields.has_host() : fields.chunked()) co_return errc::bad_message;
  out.body = body_of(fields);
  out.interim = is_1_1;
  out.persistent = is_1_1 && !fields.closes();
  out.upgrades = is_1_1 && fields.upgrades() && out.body.complete();
  out.head = std::move(begin) + "Host: " + host_field(out.destination) + "\r\n" + fields.forwarded(out.upgrades) + "\r\n";
  co_return errc::ok;
}

handshake http_read_response(const http_request& asked, http_response& out) {
  out = {};
  // Looked at first, since what speaks another protocol may never send a line's end.
  const bytes name = co_await receive{http_protocol_name.size()};
  if (as_text(name) != http_protocol_name) co_return errc::bad_message;
  head_budget head;
  head.take_bytes(name.size());
  const bytes first = co_await receive_until{head.bytes_left(), "\n"};
  if (first.empty()) co_return errc::oversized;
  const std::optional<std::string_view> text = head.take_line(first);
  if (!text) co_return errc::bad_message;
  bool is_1_1 = false;
  if (const errc code = parse_status_line(*text, is_1_1, out.status); code != errc::ok) co_return code;
  if (out.status == 101 && !asked.upgrades) co_return errc::bad_message;
  out.head = "HTTP/1.1" + std::string{text->substr(3)} + "\r\n";

  http_fields fields;
  for (bool complete = false; !complete;) {
    if (head.bytes_left() == 0) co_return errc::oversized;
    const bytes raw = co_await receive_until{head.bytes_left(), "\n"};
    if (raw.empty()) co_return errc::oversized;
    const std::optional<std::string_view> one = head.take_line(raw);
    if (!one) co_return errc::bad_message;
    if (const errc code = head.take_field(*one); code != errc::ok) co_return code;
    complete = one->empty();
    if (complete) continue;
    if (const errc code = fields.take(*parse_field(*one)); code != errc::ok) co_return code;
  }
  if (const errc code = fields.check(); code != errc::ok) co_return code;
  out.body = body_of(asked, out, fields);
  out.persistent = is_1_1 && !fields.closes() && !out.body.ends_by_close() && out.status != 101;
  out.head += fields.forwarded(out.status == 101 && fields.upgrades());
  co_return errc::ok;
}

}  // namespace omnilink::wire
