#include "cli/config_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <system_error>

#include "chain/hop_tls.hpp"
#include "chain/route.hpp"
#include "cli/auth_file.hpp"
#include "cli/config_callouts.hpp"
#include "cli/config_filters.hpp"
#include "cli/config_reader.hpp"
#include "cli/config_rules.hpp"
#include "cli/private_file.hpp"
#include "cli/tls_files.hpp"
#include "core/nearest_word.hpp"
#include "interceptor/capture_words.hpp"
#include "io/config_files.hpp"
#include "wire/admin_http.hpp"

namespace omnilink::cli {
namespace {

using named_hops = std::map<std::string, chain::hop, std::less<>>;

/// Each listener costs a socket per worker; nobody needs more.
constexpr std::size_t listeners_max = 64;
/// What a token bucket counts, and more than a machine answers.
constexpr std::uint64_t query_rate_max = 1'000'000'000;

std::string token_form() {
  return "one line of " + std::to_string(wire::admin_token_min) + " to " + std::to_string(wire::admin_token_max) +
         " printable characters (openssl rand -hex 32)";
}

void read_service(const toml::table& from, settings& into, config_errors& errors) {
  table_reader in{from, "[service]", errors};
  actors::service_settings& service = into.service.service;
  in.integer("workers", service.workers);
  in.integer("max_connections", service.max_connections);
  in.integer("max_connections_per_source", service.max_connections_per_source);
  in.integer("max_handshakes", service.max_handshakes);
  in.integer("max_handshakes_per_source", service.max_handshakes_per_source);
  in.boolean("attribution", service.attribution);
  in.boolean("confine", into.confine);
  in.size("memory_max", service.memory_max);
  in.duration("chain_timeout", into.service.timeouts.chain);
  in.duration("hop_timeout", into.service.timeouts.hop);
  in.duration("idle_timeout", service.idle_timeout);
  in.duration("half_close_timeout", service.half_close_timeout);
  in.duration("drain_timeout", service.drain_timeout);
  in.duration("handshake_timeout", service.handshake_timeout);
  in.text("user", into.user);
  in.report(service.validate());
  in.report(into.service.timeouts.validate());
  in.finish();
}

void read_log(const toml::table& from, settings& into, config_errors& errors) {
  table_reader in{from, "[log]", errors};
  if (std::size_t i; in.choice("level", i, {"debug", "info", "warn", "error"})) {
    constexpr io::log::level levels[] = {io::log::level::debug, io::log::level::info, io::log::level::warn,
                                         io::log::level::error};
    into.log.level = levels[i];
  }
  if (std::size_t i; in.choice("format", i, {"text", "json"}))
    into.log.format = i == 0 ? decltype(into.log.format)::text : decltype(into.log.format)::json;
  in.boolean("access", into.service.log_access);
  if (std::size_t i; in.choice("destinations", i, {"full", "hash", "none"})) {
    using enum actors::configuration::destinations;
    constexpr actors::configuration::destinations ways[] = {full, hash, none};
    into.service.log_destinations = ways[i];
  }
  in.finish();
}

void read_nat(const toml::table& from, settings& into, config_errors& errors) {
  table_reader in{from, "[nat]", errors};
  in.integer("capacity", into.service.nat.capacity);
  in.duration("linger", into.service.nat.linger);
  in.duration("ttl", into.service.nat.ttl);
  in.report(into.service.nat.validate());
  in.finish();
}

// Reached by path; sockaddr_un has room for this many bytes and the null.
void read_socket(table_reader& in, std::string& out) {
  if (!in.text("socket", out) || out.empty()) return;
  if (out.front() != '/') in.fail_at("socket", "socket is not an absolute path: " + core::quoted(out));
  if (out.size() > 107)
    in.fail_at("socket", "socket is longer than the 107 bytes that a unix socket's path may have");
}

void read_query(const toml::table& from, settings& into, config_errors& errors) {
  table_reader in{from, "[query]", errors};
  read_socket(in, into.service.query_socket);
  if (std::uint64_t rate = 0; in.integer("rate", rate, query_rate_max)) into.service.query_rate = static_cast<std::uint32_t>(rate);
  in.finish();
}

// Off unless it is asked for; never without a token, never beyond loopback.
void read_admin_http(table_reader& in, actors::configuration& into) {
  std::string where, token_file;
  const bool wanted = in.text("http", where), has_token = in.text("token_file", token_file);
  if (has_token && !wanted) in.fail_at("token_file", "token_file belongs to http = \"127.0.0.1:9090\", which is not there");
  if (!wanted) return;
  into.admin_http = core::endpoint::parse(where);
  if (!into.admin_http || into.admin_http->port == 0)
    in.fail_at("http", "http is not ADDR:PORT, as \"127.0.0.1:9090\" or \"[::1]:9090\": " + core::quoted(where));
  else if (!into.admin_http->address.is_loopback())
    in.fail_at("http", "http is on loopback only, as \"127.0.0.1:9090\"; reach it from elsewhere through ssh or a proxy with TLS");
  if (!has_token) return in.fail_at("http", "http needs token_file, a file that only the service may read, with " + token_form());
  const auto text = read_private_file(token_file, wire::admin_token_max + 2, readers::owner);
  if (text.has_error()) return in.fail_at("token_file", "token_file " + text.error());
  std::string_view token = text->reveal();
  while (token.ends_with('\n') || token.ends_with('\r')) token.remove_suffix(1);
  const bool clean = std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!clean || token.size() < wire::admin_token_min || token.size() > wire::admin_token_max)
    return in.fail_at("token_file", "token_file " + core::quoted(token_file) + " is not " + token_form());
  into.admin_token = core::secret{token};
}

void read_admin(const toml::table& from, settings& into, config_errors& errors) {
  table_reader in{from, "[admin]", errors};
  read_socket(in, into.service.admin_socket);
  read_admin_http(in, into.service);
  in.finish();
}

// One value or a list of them; ports and ids may be numbers.
void read_capture_values(const toml::node& from, std::string_view key, core::capture& into, config_errors& errors) {
  if (const toml::array* list = from.as_array()) {
    for (const toml::node& one : *list) read_capture_values(one, key, into, errors);
    return;
  }
  // rewrite = { 80 = 8080 }
  if (const toml::table* pairs = key == "rewrite" ? from.as_table() : nullptr) {
    for (const auto& [port, to] : *pairs) {
      const std::string word = std::string{port.str()} + ":" + std::to_string(to.value_or<std::int64_t>(0));
      if (std::string wrong = interceptor::add_capture_word(key, word, into); !wrong.empty()) errors.add(to.source(), wrong);
    }
    return;
  }
  std::string word;
  if (const auto number = from.value_exact<std::int64_t>()) word = std::to_string(*number);
  else if (const auto text = from.value_exact<std::string>()) word = *text;
  else return errors.add(from.source(), std::string{key} + " is a value or a list of values");
  if (std::string wrong = interceptor::add_capture_word(key, word, into); !wrong.empty()) errors.add(from.source(), wrong);
}

// What a listener that takes what the kernel brings it has beside its URL.
void read_interception(table_reader& in, interceptor::listener_config& into, config_errors& errors) {
  const bool captures = interceptor::captures(into.kind);
  const toml::table* capture = in.table("capture");
  std::size_t fail = 0;
  const bool says_fail = in.choice("fail", fail, {"closed", "open"});
  if (says_fail && captures) into.fail_closed = fail == 0;
  std::size_t udp = 0;
  if (in.choice("udp", udp, {"pass", "reject"}) && captures) into.reject_udp = udp == 1;
  if (bool keeps = false; in.boolean("original_source", keeps) && captures) into.original_source = keeps;
  for (const char* key : {"capture", "fail", "udp", "original_source"}) {
    if (!captures && in.find(key))
      in.fail_at(key, std::string{key} + " belongs to a redirect, tproxy or cgroup listener; " + into.to_string() + " takes what clients bring it");
  }
  if (!capture || !captures) return;
  table_reader conditions{*capture, "capture", errors};
  for (const std::string_view key : interceptor::capture_keys) {
    if (const toml::node* values = conditions.find(key)) read_capture_values(*values, key, into.capture, errors);
  }
  conditions.finish();
}

// Both ways to say it at once are a mistake, even where they agree.
template <class Add>
void read_beside_url(table_reader& in, std::string_view key, bool in_url, Add add) {
  const toml::node* value = in.find(key);
  if (!value) return;
  if (in_url) return in.fail_at(key, std::string{key} + " is in the URL already; leave one of them out");
  add(*value);
}

void read_clients(const toml::node& from, interceptor::listener_config& into, config_errors& errors) {
  const toml::array* list = from.as_array();
  if (!list || list->empty()) return errors.add(from.source(), "clients is not a list of networks, as [\"10.0.0.0/8\"]; leave it out for everyone");
  for (const toml::node& one : *list) {
    const auto word = one.value_exact<std::string_view>();
    const std::string wrong = word ? interceptor::add_client(*word, into) : "clients is a list of strings, as [\"10.0.0.0/8\"]";
    if (!wrong.empty()) errors.add(one.source(), wrong);
  }
}

void read_destination(const toml::node& from, interceptor::listener_config& into, config_errors& errors) {
  const auto text = from.value_exact<std::string_view>();
  const std::string wrong = text ? interceptor::set_destination(*text, into) : "to is not a string, as \"host:port\"";
  if (!wrong.empty()) errors.add(from.source(), wrong);
}

void read_listener(const toml::table& from, settings& into, config_errors& errors) {
  table_reader in{from, "[[listen]]", errors};
  bool allow_remote = false;
  const bool says_it_here = in.boolean("allow_remote", allow_remote);
  if (std::string url; in.text("url", url)) {
    auto parsed = interceptor::parse_listen_url(url);
    if (parsed.has_error()) {
      in.fail_at("url", parsed.error());
      for (const char* key : {"capture", "fail", "udp", "original_source", "auth_file", "clients", "to"}) (void)in.find(key);  // nothing can be said of these
    } else {
      const std::size_t before = errors.count();
      read_interception(in, *parsed, errors);
      read_beside_url(in, "clients", !parsed->clients.empty(), [&](const toml::node& value) { read_clients(value, *parsed, errors); });
      const bool has_login = parsed->users != nullptr || !parsed->auth_file.empty();
      if (std::string path; in.text("auth_file", path)) {
        if (has_login) in.fail_at("auth_file", "the URL has a login already; leave one of them out");
        parsed->auth_file = std::move(path);
      }
      read_beside_url(in, "to", parsed->to.port != 0, [&](const toml::node& value) { read_destination(value, *parsed, errors); });
      const bool says_it_there = url.find("allow_remote=") != url.npos;
      if (says_it_here && says_it_there && parsed->allow_remote != allow_remote)
        in.fail_at("allow_remote", "allow_remote and the URL's contradict each other; leave one of them out");
      parsed->allow_remote |= allow_remote;
      if (std::string wrong = errors.count() == before ? parsed->validate() : ""; !wrong.empty())
        in.fail_at(wrong.starts_with("capture") && in.find("capture") ? "capture" : "url", wrong);
      if (std::string wrong = errors.count() == before ? read_auth_file(*parsed) : ""; !wrong.empty())
        in.fail_at(from.contains("auth_file") ? "auth_file" : "url", wrong);
      into.service.listeners.push_back(*parsed);
    }
  } else if (!from.contains("url")) {
    in.fail("a [[listen]] without url");
  }
  in.finish();
}

// Empty: the key may stand beside the URL.
std::string said_already(std::string_view key, std::string_view url) {
  const std::string parameter = std::string{key} + "=";
  if (url.find("?" + parameter) == url.npos && url.find("&" + parameter) == url.npos) return {};
  return std::string{key} + " is in the URL already; leave one of them out";
}

// The same words as in the URL, of which each may stand in one of the two places.
void read_tls(const toml::table& from, std::string_view url, chain::hop& into, config_errors& errors) {
  table_reader in{from, "tls", errors};
  for (const std::string_view key : chain::tls_keys) {
    std::vector<std::string> values;
    if (!in.texts(key, values, chain::takes_several(key))) continue;
    std::string wrong = chain::set_tls(key, values, *into.tls);
    if (std::string twice = said_already(key, url); !twice.empty()) wrong = std::move(twice);
    if (!wrong.empty()) in.fail_at(key, "hop " + core::quoted(into.name) + ": " + wrong);
  }
  in.finish();
}

// The URL first, then what the table says beside it.
void read_hop_settings(table_reader& in, chain::hop& into, config_errors& errors) {
  std::string url;
  const bool has_url = in.text("url", url);
  if (has_url) {
    auto parsed = chain::parse_hop_url(url);
    if (parsed.has_error())
      return in.fail_at("url", "hop " + core::quoted(into.name) + ": " + parsed.error());
    parsed->name = std::move(into.name);
    into = std::move(*parsed);
  }
  std::string auth_file;
  if (in.text("auth_file", auth_file)) {
    if (!into.user.empty() || !into.auth_file.empty())
      in.fail_at("auth_file", "the URL has a login already; leave one of them out");
    into.auth_file = std::move(auth_file);
  }
  if (in.boolean("pipeline", into.pipeline)) {
    if (const std::string twice = said_already("pipeline", url); !twice.empty()) in.fail_at("pipeline", twice);
  }
  const std::string place = "hop " + core::quoted(into.name) + ": ";
  const toml::table* tls = in.table("tls");
  if (tls && into.tls) read_tls(*tls, url, into, errors);
  if (!has_url) return;
  if (tls && !into.tls) return in.fail_at("tls", place + into.to_string() + " has no TLS; use https or socks5+tls");
  const char* key = in.find("auth_file") ? "auth_file" : "url";
  if (std::string wrong = read_auth_file(into); !wrong.empty()) in.fail_at(key, place + wrong);
  if (std::string wrong = read_tls_files(into); !wrong.empty())
    in.fail_at(in.find("tls") ? "tls" : "url", place + wrong);
  if (std::string wrong = into.validate(); !wrong.empty()) in.fail_at(in.find("pipeline") ? "pipeline" : "url", place + wrong);
}

void read_hop(const toml::table& from, named_hops& into, config_errors& errors) {
  table_reader in{from, "[[hop]]", errors};
  chain::hop out;
  if (!from.contains("name")) in.fail("a [[hop]] without name");
  if (in.text("name", out.name)) in.report(chain::validate_name(out.name));
  const std::string name = out.name;
  if (!from.contains("url")) in.fail("a [[hop]] without url");
  read_hop_settings(in, out, errors);
  // A hop that is wrong is known all the same: a chain that names it is not.
  if (!name.empty() && !into.try_emplace(name, std::move(out)).second) {
    in.fail_at("name", "a second hop with the name " + core::quoted(name));
  }
  in.finish();
}

void read_chain_hop(const toml::node& entry, const named_hops& known, chain::chain& into,
                    config_errors& errors) {
  const auto word = entry.value_exact<std::string_view>();
  if (!word) return errors.add(entry.source(), "a hop in \"hops\" is the name of a [[hop]]");
  if (word->find('|') != word->npos) {
    return errors.add(entry.source(),
                      core::quoted(*word) + ": alternatives of a hop are not supported by this version");
  }
  if (*word == "direct" || *word == "reject") return into.hops.push_back(*chain::parse_hop_url(*word));
  if (const auto found = known.find(*word); found != known.end()) return into.hops.push_back(found->second);
  std::vector<std::string_view> names;
  for (const auto& [name, hop] : known) names.push_back(name);
  errors.add(entry.source(), "chain " + core::quoted(into.name) + ": unknown hop " + core::quoted(*word) +
                                 core::did_you_mean(*word, names));
}

void read_chain(const toml::table& from, const named_hops& known, settings& into, config_errors& errors) {
  table_reader in{from, "[[chain]]", errors};
  chain::chain out;
  if (!from.contains("name")) in.fail("a [[chain]] without name");
  if (in.text("name", out.name)) in.report(chain::validate_name(out.name));
  const toml::node* hops = in.find("hops");
  if (!hops || !hops->is_array() || hops->as_array()->empty()) {
    in.fail_at("hops", "chain " + core::quoted(out.name) +
                           ": hops is not a list, as [\"paris\", \"edge\"]; [\"direct\"] is none");
  } else {
    const std::size_t before = errors.count();
    for (const toml::node& entry : *hops->as_array()) read_chain_hop(entry, known, out, errors);
    std::string wrong = errors.count() == before ? out.validate() : "";
    if (!wrong.empty()) in.fail_at("hops", "chain " + core::quoted(out.name) + ": " + wrong);
  }
  in.later({"policy", "names"});
  into.service.chains.push_back(std::move(out));
  in.finish();
}

void read_version(table_reader& in) {
  std::uint64_t version = 1;
  if (!in.find("version")) return in.fail("the first line of a configuration is: version = 1");
  if (in.integer("version", version, 1000) && version != 1) {
    in.fail_at("version",
               "version " + std::to_string(version) + " is not known; this omnilink reads version 1");
  }
}

void read_root(const toml::table& root, settings& into, config_errors& errors) {
  table_reader in{root, "the configuration", errors};
  read_version(in);
  if (const auto* t = in.table("service")) read_service(*t, into, errors);
  if (const auto* t = in.table("log")) read_log(*t, into, errors);
  if (const auto* t = in.table("nat")) read_nat(*t, into, errors);
  if (const auto* t = in.table("query")) read_query(*t, into, errors);
  if (const auto* t = in.table("admin")) read_admin(*t, into, errors);
  const auto listeners = in.tables("listen");
  for (const auto* t : listeners) read_listener(*t, into, errors);
  if (listeners.size() > listeners_max)
    in.fail_at("listen", "more than " + std::to_string(listeners_max) + " listeners");
  named_hops hops;
  for (const auto* t : in.tables("hop")) read_hop(*t, hops, errors);
  const std::size_t before = errors.count();
  for (const auto* t : in.tables("chain")) read_chain(*t, hops, into, errors);
  const auto rules = in.tables("rule"), filters = in.tables("filter");
  if (std::string wrong = chain::validate_chains(into.service.chains, !rules.empty() || !filters.empty());
      !wrong.empty() && errors.count() == before) {
    in.fail_at("chain", wrong);
  }
  read_callouts(in.tables("callout"), into.service, errors);
  read_rules(rules, into.service, errors);
  read_filters(in.tables("sublayer"), filters, into.service, errors);
  in.finish();
}

}  // namespace

std::vector<std::string> read_config(std::string_view text, const std::string& name, settings& into) {
  config_errors errors{name};
  try {
    read_root(toml::parse(text, name), into, errors);
  } catch (const toml::parse_error& wrong) {
    errors.add(wrong.source(), wrong.description());
  }
  return errors.take();
}

std::vector<std::string> read_config_file(const std::string& path, settings& into) {
  const auto refused = [&](const std::string& why) { return std::vector{path + ": " + why}; };
  const io::descriptor file = io::open_config_file(path);
  struct stat about {};
  if (!file || ::fstat(file.get(), &about) != 0) return refused(std::generic_category().message(errno));
  if (S_ISDIR(about.st_mode)) return refused("a directory, not a file");
  // Whoever may write it decides where everybody's traffic goes.
  if (S_ISREG(about.st_mode) && (about.st_mode & S_IWOTH))
    return refused("everybody may write it; chmod o-w it");
  std::string text(config_file_max + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0) return refused(std::generic_category().message(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > config_file_max) return refused("longer than 1 MiB");
  text.resize(size);
  return read_config(text, path, into);
}

}  // namespace omnilink::cli
