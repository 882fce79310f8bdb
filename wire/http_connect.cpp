#include "wire/http_connect.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/host_name.hpp"
#include "wire/byte_codec.hpp"

namespace omnilink::wire {
namespace {

constexpr std::string_view protocol_name = "HTTP/";
constexpr std::size_t login_max = 2 * credential_max + 1;  // user:password
constexpr std::size_t request_max =
    1536;  // host:port twice (at most 260 each), Basic (at most 684), the words

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// RFC 9110 section 5.6.2
bool is_token_char(char c) noexcept {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || marks.find(c) != marks.npos;
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

// RFC 9112 section 5: no space before the colon, no folding. The value is not looked at.
bool is_field_line(std::string_view line) noexcept {
  const std::size_t colon = line.find(':');
  return colon != line.npos && is_token(line.substr(0, colon));
}

/// What one head may still take, and the gate that each of its lines passes.
class head_budget {
 public:
  /// For the next receive_until; 0: the head is too long.
  std::size_t bytes_left() const noexcept { return bytes_; }

  /// The line's text without CR LF; nullopt: a bare CR or LF, or a NUL.
  std::optional<std::string_view> take_line(bytes raw) noexcept {
    bytes_ -= raw.size();
    std::string_view line = as_text(raw);
    if (!line.ends_with("\r\n")) return {};
    line.remove_suffix(2);
    if (line.find_first_of(std::string_view{"\r\n\0", 3}) != line.npos) return {};
    return line;
  }

  /// Bytes of the head that were read otherwise.
  void take_bytes(std::size_t count) noexcept { bytes_ -= count; }

  /// Counts and checks a line behind the first one; an empty line ends the head.
  errc take_field(std::string_view line) noexcept {
    if (line.empty()) return errc::ok;
    if (!is_field_line(line)) return errc::bad_message;
    return ++fields_ > http_lines_max ? errc::oversized : errc::ok;
  }

 private:
  std::size_t bytes_ = http_head_max;
  std::size_t fields_ = 0;
};

bool fits(const credentials& login) noexcept {
  const auto printable = [](std::string_view text) {
    return std::none_of(text.begin(), text.end(), is_control);
  };
  return login.user.size() <= credential_max && login.password.size() <= credential_max &&
         login.user.find(':') == std::string::npos && printable(login.user) &&
         printable(login.password.reveal());
}

void put_base64(byte_writer& to, bytes data) noexcept {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < data.size(); i += 3) {
    const bytes group = data.subspan(i, std::min<std::size_t>(3, data.size() - i));
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) bits = bits << 8 | (j < group.size() ? group[j] : 0u);
    for (std::size_t j = 0; j < 4; ++j) {
      to.u8(static_cast<std::uint8_t>(j <= group.size() ? alphabet[bits >> (18 - 6 * j) & 63] : '='));
    }
  }
}

void put_request(byte_writer& to, const core::target& destination, const std::optional<credentials>& login) {
  const std::string authority = destination.to_string();
  to.put("CONNECT ");
  to.put(authority);
  to.put(" HTTP/1.1\r\nHost: ");
  to.put(authority);
  to.put("\r\n");
  if (login) {
    secret_buffer<login_max> spelled;
    byte_writer plain{spelled.data};
    plain.put(login->user);
    plain.put(":");
    plain.put(login->password.reveal());
    to.put("Proxy-Authorization: Basic ");
    put_base64(to, plain.written());
    to.put("\r\n");
  }
  to.put("\r\n");
}

// `version` is what follows protocol_name.
errc check_version(std::string_view version) noexcept {
  if (version == "1.1" || version == "1.0") return errc::ok;
  const bool http = version.size() == 3 && is_digit(version[0]) && version[1] == '.' && is_digit(version[2]);
  return http ? errc::bad_version : errc::bad_message;
}

// RFC 9112 section 4, without protocol_name. The space behind the status may be missing when there is no
// reason: many servers leave it out.
errc parse_status_line(std::string_view line, std::uint16_t& status) noexcept {
  if (line.size() < 7 || line[3] != ' ') return errc::bad_message;
  if (const errc code = check_version(line.substr(0, 3)); code != errc::ok) return code;
  const std::string_view digits = line.substr(4, 3);
  if (!std::all_of(digits.begin(), digits.end(), is_digit)) return errc::bad_message;
  if (line.size() > 7 && line[7] != ' ') return errc::bad_message;
  const int value = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
  if (value < 100 || value > 599) return errc::bad_message;
  status = static_cast<std::uint16_t>(value);
  return errc::ok;
}

// RFC 9112 section 3: three words, one space between.
errc parse_request_line(std::string_view line, core::target& destination) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == line.npos || first == last) return errc::bad_message;
  const std::string_view method = line.substr(0, first);
  const std::string_view where = line.substr(first + 1, last - first - 1);
  if (!is_token(method) || where.empty() || where.find(' ') != where.npos) return errc::bad_message;
  std::string_view version = line.substr(last + 1);
  if (!version.starts_with(protocol_name)) return errc::bad_message;
  version.remove_prefix(protocol_name.size());
  if (const errc code = check_version(version); code != errc::ok) return code;
  if (method != "CONNECT") return errc::bad_command;
  const std::optional<core::target> parsed = core::target::parse(where);
  if (!parsed) return errc::bad_name;
  destination = *parsed;
  return errc::ok;
}

std::string_view reason_of(std::uint16_t status) noexcept {
  switch (status) {
    case 200:
      return "Connection established";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Error";
  }
}

}  // namespace

handshake http_connect(core::target destination, std::optional<credentials> login, http_outcome& out) {
  out = {};
  if (login && !fits(*login)) co_return errc::unsupported;
  if (destination.is_name() && !core::valid_host_name(destination.name)) co_return errc::bad_name;

  secret_buffer<request_max> spelled;
  byte_writer request{spelled.data};
  put_request(request, destination, login);
  co_await send{request.written()};

  for (int interim = 0; interim <= http_interim_max; ++interim) {
    // Looked at first, since what speaks another protocol (a TLS alert, say) may never send a line's end.
    const bytes name = co_await receive{protocol_name.size()};
    if (as_text(name) != protocol_name) co_return errc::bad_message;
    head_budget head;
    head.take_bytes(name.size());
    const bytes status_line = co_await receive_until{head.bytes_left(), "\n"};
    if (status_line.empty()) co_return errc::oversized;
    const std::optional<std::string_view> text = head.take_line(status_line);
    if (!text) co_return errc::bad_message;
    if (const errc code = parse_status_line(*text, out.status); code != errc::ok) co_return code;
    if (out.status == 407) {
      out.step = core::step::auth;
      co_return login ? errc::auth_failed : errc::auth_required;
    }
    if (out.status == 101) co_return errc::bad_message;  // nobody asked for an upgrade
    if (out.status >= 300) co_return errc::hop_refused;

    for (bool complete = false; !complete;) {
      if (head.bytes_left() == 0) co_return errc::oversized;
      const bytes field = co_await receive_until{head.bytes_left(), "\n"};
      if (field.empty()) co_return errc::oversized;
      const std::optional<std::string_view> line = head.take_line(field);
      if (!line) co_return errc::bad_message;
      if (const errc code = head.take_field(*line); code != errc::ok) co_return code;
      complete = line->empty();
    }
    if (out.status >= 200) co_return errc::ok;
  }
  co_return errc::oversized;
}

handshake http_read_connect(http_request& out) {
  out = {};
  head_budget head;
  out.reply_due = true;
  const bytes request_line = co_await receive_until{head.bytes_left(), "\n"};
  if (request_line.empty()) co_return errc::oversized;
  const std::optional<std::string_view> text = head.take_line(request_line);
  if (!text) co_return errc::bad_message;
  core::target destination;
  const errc judged = parse_request_line(*text, destination);
  if (judged == errc::bad_message || judged == errc::bad_version) co_return judged;

  // The whole head is read before it is judged: a close with unread bytes would reset our reply away.
  for (bool complete = false; !complete;) {
    if (head.bytes_left() == 0) co_return errc::oversized;
    const bytes field = co_await receive_until{head.bytes_left(), "\n"};
    if (field.empty()) co_return errc::oversized;
    const std::optional<std::string_view> line = head.take_line(field);
    if (!line) co_return errc::bad_message;
    if (const errc code = head.take_field(*line); code != errc::ok) co_return code;
    complete = line->empty();
  }
  if (judged == errc::ok) out.destination = std::move(destination);
  co_return judged;
}

std::string http_reply(std::uint16_t status) {
  std::string head = "HTTP/1.1 " + std::to_string(status) + " ";
  head += reason_of(status);
  head += "\r\n";
  if (status == 200) return head + "\r\n";
  const std::string body = "omnilink: " + std::string{reason_of(status)} + "\n";
  if (status == 405) head += "Allow: CONNECT\r\n";  // RFC 9110 section 15.5.6
  return head + "Content-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

}  // namespace omnilink::wire
