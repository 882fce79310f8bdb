#include "wire/url.hpp"

#include <algorithm>

#include "core/control.hpp"
#include "core/endpoint.hpp"
#include "core/nearest_word.hpp"

namespace omnilink::wire {
namespace {

using failure = std::optional<std::string>;  // what is wrong

constexpr std::string_view how_to_encode =
    "in user and password each of , | @ : / ? # [ ] and % is written percent-encoded, as %40 for @; in a "
    "value only @ and %";

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// RFC 3986: unreserved and sub-delims but the comma; a '%' begins an encoded byte.
bool is_user_char(char c) noexcept {
  constexpr std::string_view marks = "-._~!$&'()*+;=%";
  return is_letter(c) || is_digit(c) || marks.find(c) != marks.npos;
}

// What else RFC 3986 allows in a query, but '&', which separates, and '@', which betrays a password with a
// bare '?'.
bool is_value_char(char c) noexcept {
  constexpr std::string_view marks = ",:/?[]";
  return (is_user_char(c) && c != '&') || marks.find(c) != marks.npos;
}

bool is_key(std::string_view text) noexcept {
  const auto good = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
  return !text.empty() && std::all_of(text.begin(), text.end(), good);
}

int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// nullopt: a '%' without two hex digits, or a control byte, which neither a login nor a path may hold.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3) return {};
      const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return {};
      c = static_cast<char>(high << 4 | low);
      i += 2;
    }
    if (core::is_control(c)) return {};
    out += c;
  }
  return out;
}

failure parse_scheme(std::string_view text, url& out) {
  const auto good = [](char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; };
  if (text.empty() || text.size() > 32 || !is_letter(text.front()) ||
      !std::all_of(text.begin(), text.end(), good)) {
    return "what stands before \"://\" is not a scheme such as socks5, http or https";
  }
  for (const char c : text) out.scheme += lower(c);
  return {};
}

failure parse_login(std::string_view text, url& out) {
  const std::size_t colon = text.find(':');
  const std::string_view user = text.substr(0, colon);
  if (user.empty()) return "the user before the \"@\" is empty";
  if (colon != text.npos && colon + 1 == text.size()) return "the password is empty; leave out the \":\"";
  const std::string_view password = colon == text.npos ? std::string_view{} : text.substr(colon + 1);
  for (const std::string_view part : {user, password}) {
    if (!std::all_of(part.begin(), part.end(), is_user_char)) return std::string{how_to_encode};
  }
  const auto decoded_user = percent_decoded(user);
  if (!decoded_user)
    return "a \"%\" in the user is not followed by the two hex digits of a printable character";
  out.user = *decoded_user;
  const auto decoded_password = percent_decoded(password);
  if (!decoded_password)
    return "a \"%\" in the password is not followed by the two hex digits of a printable character";
  out.password = core::secret{*decoded_password};
  return {};
}

// "host", "host:port", ":port", "[v6]:port", or nothing.
failure parse_host_port(std::string_view text, url& out) {
  std::string_view host = text;
  if (const std::size_t colon = text.rfind(':'); colon != text.npos && !text.ends_with(']')) {
    out.port = core::parse_port(text.substr(colon + 1), true);
    if (!out.port) return "the port is not a number from 0 to 65535";
    host = text.substr(0, colon);
  }
  if (host.empty()) return {};
  if (host.find(':') != host.npos && !host.starts_with('['))
    return "an IPv6 address stands in brackets, as [2001:db8::1]:1080";
  const auto parsed = core::target::parse_host(host, 0);
  if (!parsed) return "the host is neither a name nor an address";
  out.host = parsed->host();
  return {};
}

failure parse_parameter(std::string_view text, url& out) {
  const std::size_t equals = text.find('=');
  const std::string_view key = text.substr(0, equals);
  if (!is_key(key)) return "the query is not key=value, or several of them joined by \"&\"";
  const std::string named = "the parameter " + core::quoted(key);
  if (equals == text.npos || equals + 1 == text.size())
    return named + " has no value; write " + std::string{key} + "=value";
  if (out.find(key) != nullptr) return named + " is there twice";
  if (out.parameters.size() == url_parameters_max)
    return "more than " + std::to_string(url_parameters_max) + " parameters";
  const std::string_view value = text.substr(equals + 1);
  const bool plain = std::all_of(value.begin(), value.end(), is_value_char);
  const auto decoded = plain ? percent_decoded(value) : std::nullopt;
  if (!decoded)
    return named + " has a character that must be percent-encoded, or a \"%\" without two hex digits";
  out.parameters.push_back({std::string{key}, *decoded});
  return {};
}

failure parse_query(std::string_view text, url& out) {
  for (;;) {
    const std::size_t end = text.find('&');
    if (failure wrong = parse_parameter(text.substr(0, end), out)) return wrong;
    if (end == text.npos) return {};
    text.remove_prefix(end + 1);
  }
}

failure parse_into(std::string_view text, url& out) {
  if (text.size() > url_max) return "a URL has at most " + std::to_string(url_max) + " bytes";
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == text.npos) return "there is no \"://\"; a URL looks like socks5://host:1080";
  const std::size_t query_begin = std::min(text.find('?'), text.size());
  const std::size_t begin = scheme_end + 3;
  if (query_begin < begin) return "a \"?\" before the host";

  std::string_view authority = text.substr(begin, query_begin - begin);
  if (authority.find(',') != authority.npos) {
    return "a comma in a URL: other tools disagree about what it means. Successive hops are separate -F "
           "options; in user "
           "and password a comma is written %2C";
  }
  if (text.find('|') != text.npos) {
    return "a \"|\" in a URL: alternatives of a hop are not supported yet; in user and password it is "
           "written %7C";
  }
  // An '@' behind the authority comes from a password with a bare '?' or '/': to show any part of it would
  // betray it.
  if (text.find('@', query_begin) != text.npos) return std::string{how_to_encode};
  if (failure wrong = parse_scheme(text.substr(0, scheme_end), out)) return wrong;
  if (const std::size_t at = authority.rfind('@'); at != authority.npos) {
    if (failure wrong = parse_login(authority.substr(0, at), out)) return wrong;
    authority.remove_prefix(at + 1);
  }
  if (authority.find('/') != authority.npos) return "a \"/\" after the host: such a URL has no path";
  if (failure wrong = parse_host_port(authority, out)) return wrong;
  if (query_begin == text.size()) return {};
  return parse_query(text.substr(query_begin + 1), out);
}

}  // namespace

const std::string* url::find(std::string_view key) const noexcept {
  const auto found =
      std::find_if(parameters.begin(), parameters.end(), [key](const parameter& p) { return p.key == key; });
  return found == parameters.end() ? nullptr : &found->value;
}

boost::system::result<url, std::string> parse_url(std::string_view text) {
  url out;
  failure wrong = parse_into(text, out);
  if (wrong) return {boost::system::in_place_error, *std::move(wrong)};
  return out;
}

}  // namespace omnilink::wire
