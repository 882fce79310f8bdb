#include "wire/http_connect.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/host_name.hpp"
#include "wire/byte_codec.hpp"
#include "wire/http_basic.hpp"
#include "wire/http_head.hpp"

namespace omnilink::wire {
namespace {

constexpr std::size_t request_max =
    1536;  // host:port twice (at most 260 each), Basic (at most 684), the words

void put_request(byte_writer& to, const core::target& destination, const std::optional<credentials>& login) {
  const std::string authority = destination.to_string();
  to.put("CONNECT ");
  to.put(authority);
  to.put(" HTTP/1.1\r\nHost: ");
  to.put(authority);
  to.put("\r\n");
  if (login) {
    to.put("Proxy-Authorization: ");
    put_basic(to, *login);
    to.put("\r\n");
  }
  to.put("\r\n");
}

// RFC 9112 section 4, without http_protocol_name. The space behind the status may be missing when there is no
// reason: many servers leave it out.
errc parse_status_line(std::string_view line, std::uint16_t& status) noexcept {
  if (line.size() < 7 || line[3] != ' ') return errc::bad_message;
  if (const errc code = check_http_version(line.substr(0, 3)); code != errc::ok) return code;
  const std::string_view digits = line.substr(4, 3);
  if (!std::all_of(digits.begin(), digits.end(), is_digit)) return errc::bad_message;
  if (line.size() > 7 && line[7] != ' ') return errc::bad_message;
  const int value = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
  if (value < 100 || value > 599) return errc::bad_message;
  status = static_cast<std::uint16_t>(value);
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
    case 407:
      return "Proxy Authentication Required";
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
  if (login && !fits_basic(*login)) co_return errc::unsupported;
  if (destination.is_name() && !core::valid_host_name(destination.name)) co_return errc::bad_name;

  secret_buffer<request_max> spelled;
  byte_writer request{spelled.data};
  put_request(request, destination, login);
  co_await send{request.written()};

  for (int interim = 0; interim <= http_interim_max; ++interim) {
    // Looked at first, since what speaks another protocol (a TLS alert, say) may never send a line's end.
    const bytes name = co_await receive{http_protocol_name.size()};
    if (as_text(name) != http_protocol_name) co_return errc::bad_message;
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

std::string http_reply(std::uint16_t status, bool goes_on) {
  std::string head = "HTTP/1.1 " + std::to_string(status) + " ";
  head += reason_of(status);
  head += "\r\n";
  if (status == 200) return head + "\r\n";
  const std::string body = "omnilink: " + std::string{reason_of(status)} + "\n";
  if (status == 407) head += "Proxy-Authenticate: Basic realm=\"omnilink\", charset=\"UTF-8\"\r\n";  // RFC 7617
  if (status == 405) head += "Allow: CONNECT\r\n";  // RFC 9110 section 15.5.6
  return head + "Content-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) +
         (goes_on ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n") + body;
}

}  // namespace omnilink::wire
