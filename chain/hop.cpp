#include "chain/hop.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "chain/hop_tls.hpp"
#include "core/control.hpp"
#include "core/nearest_word.hpp"
#include "wire/credentials.hpp"
#include "wire/socks4.hpp"
#include "wire/url.hpp"

namespace omnilink::chain {
namespace {

struct scheme {
  std::string_view word;
  hop_kind kind;
  bool tls;
  std::uint16_t port;  // 0: no host
};

// `socks5h` is `socks5`: names always travel as names.
constexpr std::array schemes{
    scheme{"socks4", hop_kind::socks4, false, 1080},    scheme{"socks4a", hop_kind::socks4a, false, 1080},
    scheme{"socks5", hop_kind::socks5, false, 1080},    scheme{"socks5h", hop_kind::socks5, false, 1080},
    scheme{"socks5+tls", hop_kind::socks5, true, 1080}, scheme{"http", hop_kind::http, false, 80},
    scheme{"https", hop_kind::http, true, 443},         scheme{"direct", hop_kind::direct, false, 0},
    scheme{"reject", hop_kind::reject, false, 0},
};
constexpr std::array<std::string_view, 2> own_parameters{"auth_file", "pipeline"};

constexpr auto parameters = [] {
  std::array<std::string_view, own_parameters.size() + tls_keys.size()> all;
  std::ranges::copy(tls_keys, std::ranges::copy(own_parameters, all.begin()).out);
  return all;
}();

bool is_own(std::string_view key) noexcept {
  return std::ranges::find(own_parameters, key) != own_parameters.end();
}

bool is_socks4(hop_kind kind) noexcept {
  return kind == hop_kind::socks4 || kind == hop_kind::socks4a;
}

const scheme* find_scheme(std::string_view word) noexcept {
  const auto found = std::ranges::find(schemes, word, &scheme::word);
  return found == schemes.end() ? nullptr : &*found;
}

std::string no_such_scheme(std::string_view word) {
  std::array<std::string_view, schemes.size()> known;
  std::ranges::transform(schemes, known.begin(), &scheme::word);
  return "unknown scheme " + core::quoted(word) + core::did_you_mean(word, known);
}

// Empty: every parameter is known and fits the scheme.
std::string check_parameters(const wire::url& from, const scheme& how) {
  for (const auto& given : from.parameters) {
    const std::string named = "the parameter " + core::quoted(given.key);
    if (std::ranges::find(parameters, given.key) == parameters.end()) {
      return named + " is unknown" + core::did_you_mean(given.key, parameters);
    }
    if (how.port == 0) return named + " makes no sense with " + std::string{how.word};
    if (!is_own(given.key) && !how.tls) return named + " needs TLS; use https or socks5+tls";
  }
  return {};
}

std::string value_of(const wire::url& from, std::string_view key) {
  const std::string* found = from.find(key);
  return found ? *found : std::string{};
}

std::vector<std::string> split_at_commas(std::string_view list) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t comma = list.find(',');
    out.emplace_back(list.substr(0, comma));
    if (comma == list.npos) return out;
    list.remove_prefix(comma + 1);
  }
}

// Empty: `out` has the TLS that the scheme and the query ask for.
std::string read_tls(const wire::url& from, const scheme& how, hop& out) {
  if (!how.tls) return {};
  io::tls_client_config& tls = out.tls.emplace();
  tls.name = out.where.host();
  // What our CONNECT is; of SOCKS there is nothing that could be said.
  if (out.kind == hop_kind::http) tls.alpn = {"http/1.1"};
  for (const auto& given : from.parameters) {
    if (is_own(given.key)) continue;
    const bool list = takes_several(given.key);
    const auto values = list ? split_at_commas(given.value) : std::vector{given.value};
    if (std::string wrong = set_tls(given.key, values, tls); !wrong.empty()) return wrong;
  }
  return {};
}

std::string without_proxy(const scheme& how, hop& out) {
  out.name = how.word;
  out.kind = how.kind;
  return {};
}

// What a login of this kind of hop cannot hold (RFC 1929 section 2, RFC 7617 section 2).
std::string check_login(const hop& h) {
  const std::string limit = std::to_string(wire::credential_max) + " bytes";
  if (h.user.size() > wire::credential_max) return "the user is longer than " + limit;
  if (h.password.size() > wire::credential_max) return "the password is longer than " + limit;
  if (is_socks4(h.kind) && !h.password.empty())
    return "SOCKS4 knows a user and no password; use socks5, or leave out the password";
  if (h.user.empty()) return h.password.empty() ? "" : "a password without a user";
  if (std::ranges::any_of(h.user, core::is_control) || std::ranges::any_of(h.password.reveal(), core::is_control)) {
    return "user and password cannot hold control characters";
  }
  if (h.kind == hop_kind::socks5 && h.password.empty())
    return "SOCKS5 knows no user without a password; add one";
  if (h.kind == hop_kind::http && h.user.find(':') != std::string::npos)
    return "a user of an HTTP proxy cannot hold a colon";
  return {};
}

// Empty: `out` is what the URL says; otherwise what is wrong.
std::string read_url(std::string_view text, hop& out) {
  if (text == "direct" || text == "reject") return without_proxy(*find_scheme(text), out);
  auto parsed = wire::parse_url(text);
  if (parsed.has_error()) return parsed.error();
  const scheme* how = find_scheme(parsed->scheme);
  if (!how) return no_such_scheme(parsed->scheme);
  if (std::string wrong = check_parameters(*parsed, *how); !wrong.empty()) return wrong;
  if (how->port == 0) {
    if (parsed->host.empty() && !parsed->port && parsed->user.empty()) return without_proxy(*how, out);
    return std::string{how->word} + " stands alone: it has no host";
  }
  if (parsed->host.empty()) return "the host is missing; write " + std::string{how->word} + "://host:port";
  if (parsed->port == 0) return "the port 0 cannot be connected to";

  out.kind = how->kind;
  // The URL's host was checked when it was parsed.
  out.where = *core::target::parse_host(parsed->host, parsed->port.value_or(how->port));
  out.name = out.where.to_string();
  out.user = std::move(parsed->user);
  out.password = std::move(parsed->password);
  out.auth_file = value_of(*parsed, "auth_file");
  if (const std::string* said = parsed->find("pipeline")) {
    if (*said != "true" && *said != "false") return "pipeline: " + core::quoted(*said) + " is neither true nor false";
    out.pipeline = *said == "true";
  }
  if (std::string wrong = read_tls(*parsed, *how, out); !wrong.empty()) return wrong;
  if (!out.user.empty() && !out.auth_file.empty()) return "both a user and auth_file; leave one of them out";
  return out.validate();
}

}  // namespace

boost::system::result<hop, std::string> parse_hop_url(std::string_view url) {
  hop out;
  std::string wrong = read_url(url, out);
  if (!wrong.empty()) return {boost::system::in_place_error, std::move(wrong)};
  return out;
}

std::string hop::to_string() const {
  const auto same = [this](const scheme& s) { return s.kind == kind && s.tls == tls.has_value(); };
  const scheme& how = *std::ranges::find_if(schemes, same);
  return how.port == 0 ? std::string{how.word} : std::string{how.word} + "://" + where.to_string();
}

std::string_view hop::obstacle(const core::target& next) const noexcept {
  if (kind == hop_kind::socks4) return wire::socks4_obstacle(next, wire::socks4_dialect::socks4);
  if (kind == hop_kind::socks4a) return wire::socks4_obstacle(next, wire::socks4_dialect::socks4a);
  return {};
}

std::string hop::validate() const {
  const bool proxy = kind != hop_kind::direct && kind != hop_kind::reject;
  if (!proxy && (tls || !user.empty() || pipeline))
    return to_string() + " stands alone: it has neither TLS nor a login, nor anything else";
  if (!proxy) return {};
  if (where.port == 0) return "the port 0 cannot be connected to";
  if (pipeline && kind != hop_kind::socks5) return "pipeline is for SOCKS5 only; leave it out";
  if (std::string wrong = tls ? validate_tls(*tls) : ""; !wrong.empty()) return wrong;
  return check_login(*this);
}

}  // namespace omnilink::chain
