#include "interceptor/listener_config.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "core/nearest_word.hpp"
#include "interceptor/capture_words.hpp"
#include "interceptor/cgroup/hooks.hpp"
#include "wire/url.hpp"

namespace omnilink::interceptor {
namespace {

/// The port that people expect of a proxy on their own machine.
constexpr std::uint16_t default_port = 1080;

/// And of one that intercepts (redsocks, dae).
constexpr std::uint16_t default_intercepting_port = 12345;

constexpr std::array schemes{listen_kind::mixed,    listen_kind::socks5, listen_kind::http,  listen_kind::tcp,
                             listen_kind::redirect, listen_kind::tproxy, listen_kind::cgroup};

std::string no_such_scheme(std::string_view word) {
  std::array<std::string_view, schemes.size()> known;
  std::ranges::transform(schemes, known.begin(), name_of);
  return "unknown kind of listener " + core::quoted(word) + core::did_you_mean(word, known);
}

// Nothing means this machine alone: to be reached from elsewhere is never a default.
std::optional<core::address> parse_host(std::string_view host) noexcept {
  return host.empty() ? core::address::v4(0x7f000001) : core::address::parse(host);
}

// Calls `add` for each word between commas, until one is wrong.
template <class Add>
std::string read_list(std::string_view words, Add add) {
  while (true) {
    const std::size_t comma = words.find(',');
    if (std::string wrong = add(words.substr(0, comma)); !wrong.empty()) return wrong;
    if (comma == words.npos) return {};
    words.remove_prefix(comma + 1);
  }
}

// Empty: done.
std::string read_parameter(const wire::url::parameter& given, listener_config& out) {
  const bool takes = captures(out.kind);
  if (given.key == "allow_remote") {
    if (given.value != "true" && given.value != "false") return "allow_remote is true or false";
    out.allow_remote = given.value == "true";
    return {};
  }
  if (takes && given.key == "fail") {
    if (given.value != "open" && given.value != "closed") return "fail is open or closed";
    out.fail_closed = given.value == "closed";
    return {};
  }
  if (takes && given.key == "udp") {
    if (given.value != "pass" && given.value != "reject") return "udp is pass or reject";
    out.reject_udp = given.value == "reject";
    return {};
  }
  if (takes && given.key == "original_source") {
    if (given.value != "true" && given.value != "false") return "original_source is true or false";
    out.original_source = given.value == "true";
    return {};
  }
  if (takes && std::ranges::find(capture_keys, given.key) != capture_keys.end())
    return read_list(given.value, [&](std::string_view word) { return add_capture_word(given.key, word, out.capture); });
  if (given.key == "clients") return read_list(given.value, [&](std::string_view word) { return add_client(word, out); });
  if (given.key == "auth_file") return out.auth_file = given.value, "";
  if (given.key == "to") return set_destination(given.value, out);
  std::vector<std::string_view> known{"allow_remote", "auth_file", "clients", "to"};
  if (takes) {
    known.insert(known.end(), {"fail", "original_source", "udp"});
    known.insert(known.end(), capture_keys.begin(), capture_keys.end());
  }
  return "the parameter " + core::quoted(given.key) + " is unknown" + core::did_you_mean(given.key, known);
}

std::string read_parameters(const wire::url& from, listener_config& out) {
  for (const auto& given : from.parameters) {
    if (std::string wrong = read_parameter(given, out); !wrong.empty()) return wrong;
  }
  return {};
}

// The kernel sends what this machine's programs open to its loopback address, and what others open to the
// address of the interface that it came by.
std::string validate_redirect(const listener_config& of) {
  const bool out = of.capture.direction == core::capture::way::out;
  if (out && of.where.address.is_loopback()) return {};
  if (of.where.address.is_unspecified()) return {};
  return out ? "a redirect listener of direction out listens on 127.0.0.1 (and on ::1), not on " + of.where.address.to_string()
             : "a redirect listener of direction " + std::string{name_of(of.capture.direction)} +
                   " listens on 0.0.0.0 (and on ::), where the kernel sends what came from other machines";
}

// On another address it would, without our doing, also be taken for the end of what goes elsewhere to the same port.
std::string validate_tproxy(const listener_config& of) {
  if (of.where.address.is_loopback()) return {};
  return "a tproxy listener listens on 127.0.0.1 (and on ::1), not on " + of.where.address.to_string() +
         ": the kernel brings it there what goes anywhere, also from other machines";
}

// Of what this machine opens its programs see connect(), before it has a way out; of what is opened to it the choice of a socket.
std::string validate_cgroup(const listener_config& of) {
  const bool arrives = of.capture.direction == core::capture::way::in;
  if (of.capture.direction == core::capture::way::forward)
    return "a cgroup listener takes what this machine's programs open, or what is opened to it; for direction forward use a redirect or "
           "tproxy listener";
  if (const auto key = of.capture.beyond_programs(); !key.empty() && !(arrives && key == "source"))
    return "capture: " + std::string{key} + " is not known when a connection begins; leave it out, or use a redirect listener";
  if (of.reject_udp) return "udp = \"reject\" belongs to a redirect or tproxy listener";
  if (of.where.address.is_loopback()) return {};
  return "a cgroup listener listens on 127.0.0.1 (and on ::1), not on " + of.where.address.to_string();
}

std::string validate_capture(const listener_config& of) {
  if (of.original_source && !(of.kind == listen_kind::tproxy && of.capture.direction == core::capture::way::forward))
    return "original_source belongs to a tproxy listener of direction forward: only where a gateway forwards do answers to a client come by here";
  if (of.kind == listen_kind::cgroup && !cgroup::built_in())
    return "this build has no cgroup listeners (it was configured with OMNILINK_BPF=OFF); use a redirect listener, or another build";
  if (std::string wrong = of.capture.validate(); !wrong.empty()) return wrong;
  if (of.kind == listen_kind::cgroup) return validate_cgroup(of);
  if (const auto key = of.capture.beyond_packets(); !key.empty())
    return "capture: a " + std::string{name_of(of.kind)} + " listener cannot tell connections by " + std::string{key} +
           ": packets do not know their program; use a cgroup listener, or uid, gid or cgroup";
  return of.kind == listen_kind::redirect ? validate_redirect(of) : validate_tproxy(of);
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
    case listen_kind::tcp:
      return "tcp";
    case listen_kind::redirect:
      return "redirect";
    case listen_kind::tproxy:
      return "tproxy";
    case listen_kind::cgroup:
      return "cgroup";
  }
  return "unknown";
}

bool captures(listen_kind kind) noexcept {
  return kind == listen_kind::redirect || kind == listen_kind::tproxy || kind == listen_kind::cgroup;
}

std::optional<core::mechanism> mechanism_of(const listener_config& of) noexcept {
  if (of.kind == listen_kind::redirect) return core::mechanism::redirect;
  if (of.kind == listen_kind::tproxy) return core::mechanism::tproxy;
  if (of.kind != listen_kind::cgroup) return std::nullopt;
  return of.capture.direction == core::capture::way::in ? core::mechanism::sk_lookup : core::mechanism::cgroup;
}

bool listener_config::admits(const core::address& client) const noexcept {
  return clients.empty() || std::ranges::any_of(clients, [&](const core::cidr& one) { return one.contains(client); });
}

std::string add_client(std::string_view word, listener_config& into) {
  if (into.clients.size() == clients_max) return "clients has more than " + std::to_string(clients_max) + " values; write wider networks";
  const auto network = core::cidr::parse(word);
  if (!network) return "clients: " + core::describe_bad_cidr(word);
  into.clients.push_back(*network);
  return {};
}

std::string set_destination(std::string_view text, listener_config& into) {
  if (into.kind != listen_kind::tcp)
    return "to belongs to a tcp listener; clients of " + into.to_string() + " say themselves where they want to go";
  const auto where = core::target::parse(text);
  if (!where) return "to is not host:port: " + core::quoted(text);
  into.to = *where;
  return {};
}

std::string listener_config::validate() const {
  const bool wants_login = users != nullptr || !auth_file.empty();
  if (wants_login && (kind == listen_kind::tcp || captures(kind)))
    return "a " + std::string{name_of(kind)} + " listener asks nobody for a login; clients says who may connect";
  if (users != nullptr && !auth_file.empty()) return "both a user and auth_file; leave one of them out";
  if (kind == listen_kind::tcp && to.port == 0)
    return "a tcp listener has one destination; write tcp://" + where.to_string() + "?to=host:port";
  if (captures(kind)) {
    if (std::string wrong = validate_capture(*this); !wrong.empty()) return wrong;
  }
  if (allow_remote || where.address.is_loopback()) return {};
  return where.to_string() +
         " can be reached from other machines; if they are meant to use it, set allow_remote = true";
}

std::string listener_config::to_string() const {
  std::string out = std::string{name_of(kind)} + "://" + where.to_string();
  if (to.port != 0) out += "?to=" + to.to_string();
  return out;
}

boost::system::result<listener_config, std::string> parse_listen_url(std::string_view url) {
  auto parsed = wire::parse_url(url);
  if (parsed.has_error()) return parsed.error();
  listener_config out;
  const auto kind = std::ranges::find(schemes, parsed->scheme, name_of);
  if (kind == schemes.end()) return no_such_scheme(parsed->scheme);
  out.kind = *kind;
  if (!parsed->user.empty()) {
    auto only = user_list::of(parsed->user, std::move(parsed->password));
    if (only.has_error()) return only.error();
    out.users = std::make_shared<const user_list>(std::move(*only));
  }
  const auto host = parse_host(parsed->host);
  if (!host)
    return core::quoted(parsed->host) +
           " is not an IP address; a listener has an address, as 127.0.0.1 or [::1]";
  if (out.kind == listen_kind::tcp && !parsed->port)
    return "a tcp listener has no usual port; write tcp://127.0.0.1:PORT?to=host:port";
  out.where = {*host, parsed->port.value_or(captures(out.kind) ? default_intercepting_port : default_port)};
  if (std::string wrong = read_parameters(*parsed, out); !wrong.empty()) return wrong;
  return out;
}

}  // namespace omnilink::interceptor
