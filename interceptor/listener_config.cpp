#include "interceptor/listener_config.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "core/nearest_word.hpp"
#include "wire/url.hpp"

namespace omnilink::interceptor {
namespace {

/// The port that people expect of a proxy on their own machine.
constexpr std::uint16_t default_port = 1080;

constexpr std::array schemes{listen_kind::mixed, listen_kind::socks5, listen_kind::http};
constexpr std::array<std::string_view, 4> later_schemes{"redirect", "tproxy", "cgroup", "tcp"};

std::string no_such_scheme(std::string_view word) {
  if (std::ranges::find(later_schemes, word) != later_schemes.end()) {
    return "a listener of kind " + core::quoted(word) +
           " is not supported by this version; use mixed, socks5 or http";
  }
  std::array<std::string_view, schemes.size()> known;
  std::ranges::transform(schemes, known.begin(), name_of);
  return "unknown kind of listener " + core::quoted(word) + core::did_you_mean(word, known);
}

// Nothing means this machine alone: to be reached from elsewhere is never a default.
std::optional<core::address> parse_host(std::string_view host) noexcept {
  return host.empty() ? core::address::v4(0x7f000001) : core::address::parse(host);
}

// Empty: nothing but allow_remote is there.
std::string read_parameters(const wire::url& from, listener_config& out) {
  constexpr std::array<std::string_view, 1> known{"allow_remote"};
  for (const auto& given : from.parameters) {
    if (given.key != known[0]) {
      return "the parameter " + core::quoted(given.key) + " is unknown" +
             core::did_you_mean(given.key, known);
    }
    if (given.value != "true" && given.value != "false") return "allow_remote is true or false";
    out.allow_remote = given.value == "true";
  }
  return {};
}

}  // namespace

std::string_view name_of(listen_kind kind) noexcept {
  switch (kind) {
    case listen_kind::mixed:
      return "mixed";
    case listen_kind::socks5:
      return "socks5";
    case listen_kind::http:
      return "http";
    case listen_kind::redirect:
      return "redirect";
  }
  return "unknown";
}

std::string listener_config::validate() const {
  if (allow_remote || where.address.is_loopback()) return {};
  return where.to_string() +
         " can be reached from other machines; if they are meant to use it, set allow_remote = true";
}

std::string listener_config::to_string() const {
  return std::string{name_of(kind)} + "://" + where.to_string();
}

boost::system::result<listener_config, std::string> parse_listen_url(std::string_view url) {
  const auto parsed = wire::parse_url(url);
  if (parsed.has_error()) return parsed.error();
  listener_config out;
  const auto kind = std::ranges::find(schemes, parsed->scheme, name_of);
  if (kind == schemes.end()) return no_such_scheme(parsed->scheme);
  out.kind = *kind;
  if (!parsed->user.empty()) return "a login for listeners is not supported by this version";
  const auto host = parse_host(parsed->host);
  if (!host)
    return core::quoted(parsed->host) +
           " is not an IP address; a listener has an address, as 127.0.0.1 or [::1]";
  out.where = {*host, parsed->port.value_or(default_port)};
  if (std::string wrong = read_parameters(*parsed, out); !wrong.empty()) return wrong;
  return out;
}

}  // namespace omnilink::interceptor
