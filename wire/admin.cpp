#include "wire/admin.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/nearest_word.hpp"
#include "wire/byte_codec.hpp"

namespace omnilink::wire {
namespace {

using nlohmann::json;
using failure = std::optional<std::string>;  // what is wrong

/// A number that a verb takes beside its name.
struct argument {
  std::string_view key;  // empty: none
  std::uint64_t admin_request::*field = nullptr;
  bool required = false;
  std::uint64_t most = 0;
  std::uint64_t least = 1;
};

constexpr argument no_argument{};
constexpr argument limit{"limit", &admin_request::limit, false, admin_list_max};
constexpr argument id{"id", &admin_request::id, true, ~std::uint64_t{0}};
constexpr argument cursor{"cursor", &admin_request::cursor, false, ~std::uint64_t{0}, 0};
constexpr argument source{"source", nullptr, true};  // an endpoint, not a number

struct verb_row {
  std::string_view name;
  admin_verb verb;
  argument takes;
  argument also{};
};

constexpr std::array verbs{
    verb_row{"version", admin_verb::version, no_argument},
    verb_row{"nat_list", admin_verb::nat_list, limit, cursor},
    verb_row{"nat_stats", admin_verb::nat_stats, no_argument},
    verb_row{"nat_find", admin_verb::nat_find, source},
    verb_row{"nat_delete", admin_verb::nat_delete, source},
    verb_row{"connections", admin_verb::connections, limit},
    verb_row{"connections_kill", admin_verb::connections_kill, id},
    verb_row{"chains", admin_verb::chains, no_argument},
    verb_row{"metrics", admin_verb::metrics, no_argument},
    verb_row{"explain", admin_verb::explain, no_argument},
    verb_row{"rules_list", admin_verb::rules_list, limit},
    verb_row{"rules_enable", admin_verb::rules_enable, id},
    verb_row{"rules_disable", admin_verb::rules_disable, id},
    verb_row{"reload", admin_verb::reload, no_argument},
    verb_row{"drain", admin_verb::drain, no_argument},
    verb_row{"stop", admin_verb::stop, no_argument},
};

constexpr bool in_order() noexcept {
  for (std::size_t i = 0; i < verbs.size(); ++i) {
    if (verbs[i].verb != static_cast<admin_verb>(i)) return false;
  }
  return true;
}
static_assert(in_order(), "row_of() finds a verb by its number");

const verb_row& row_of(admin_verb verb) noexcept {
  return verbs[static_cast<std::size_t>(verb)];
}

const verb_row* find_verb(std::string_view name) noexcept {
  for (const verb_row& row : verbs) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

failure unknown_verb(std::string_view name) {
  std::array<std::string_view, verbs.size()> known;
  for (std::size_t i = 0; i < verbs.size(); ++i) known[i] = verbs[i].name;
  return "unknown verb " + core::quoted(name) + core::did_you_mean(name, known);
}

failure unknown_key(std::string_view key, const verb_row& row) {
  const std::array<std::string_view, 3> known{"verb", row.takes.key, row.also.key};
  return std::string{row.name} + ": unknown key " + core::quoted(key) + core::did_you_mean(key, known);
}

failure parse_argument(const json& value, const verb_row& row, const argument& takes, admin_request& out) {
  const std::string place = std::string{row.name} + ": \"" + std::string{takes.key} + "\" is not ";
  if (takes.field == nullptr) {
    const auto where = value.is_string() ? parse_admin_source(value.get_ref<const std::string&>()) : std::nullopt;
    if (!where) return place + "ADDR:PORT or :PORT";
    out.source = *where;
    return {};
  }
  const bool fits = value.is_number_unsigned() && value.get<std::uint64_t>() >= takes.least && value.get<std::uint64_t>() <= takes.most;
  if (!fits) return place + "a whole number from " + std::to_string(takes.least) + " to " + std::to_string(takes.most);
  out.*takes.field = value.get<std::uint64_t>();
  return {};
}

failure parse_about(const json& document, admin_request& out) {
  auto about = parse_connection_question(document);
  if (!about) return std::string{name_of(out.verb)} + ": " + about.error();
  out.about = *std::move(about);
  return {};
}

failure parse_into(std::string_view line, admin_request& out) {
  const json document = json::parse(line, nullptr, false);
  if (!document.is_object()) return R"(not a JSON object such as {"verb": "version"})";
  const auto verb = document.find("verb");
  if (verb == document.end() || !verb->is_string()) return R"(there is no "verb" with a word)";
  const verb_row* row = find_verb(verb->get_ref<const std::string&>());
  if (row == nullptr) return unknown_verb(verb->get_ref<const std::string&>());
  out.verb = row->verb;

  if (out.verb == admin_verb::explain) return parse_about(document, out);
  bool given = false;
  for (const auto& [key, value] : document.items()) {
    if (key == "verb") continue;
    const bool first = !row->takes.key.empty() && key == row->takes.key;
    if (!first && (row->also.key.empty() || key != row->also.key)) return unknown_key(key, *row);
    if (failure wrong = parse_argument(value, *row, first ? row->takes : row->also, out)) return wrong;
    given |= first;
  }
  if (row->takes.required && !given) {
    return std::string{row->name} + ": \"" + std::string{row->takes.key} + "\" is missing";
  }
  return {};
}

std::string source_text(const core::endpoint& where) {
  return where.address.is_unspecified() ? ":" + std::to_string(where.port) : where.to_string();
}

}  // namespace

std::optional<core::endpoint> parse_admin_source(std::string_view text) {
  if (text.starts_with(':')) {
    const auto port = core::parse_port(text.substr(1));
    return port ? std::optional{core::endpoint{{}, *port}} : std::nullopt;
  }
  const auto where = core::endpoint::parse(text);
  return where && where->port != 0 && !where->address.is_unspecified() ? where : std::nullopt;
}

std::string_view name_of(admin_verb verb) noexcept {
  return row_of(verb).name;
}

boost::system::result<admin_request, std::string> parse_admin_request(std::string_view line) {
  if (line.size() >= admin_request_max) {
    return {boost::system::in_place_error,
            "a request has at most " + std::to_string(admin_request_max) + " bytes"};
  }
  admin_request out;
  failure wrong = parse_into(line, out);
  if (wrong) return {boost::system::in_place_error, *std::move(wrong)};
  return out;
}

std::string build_admin_request(const admin_request& request) {
  const verb_row& row = row_of(request.verb);
  json document{{"verb", row.name}};
  if (row.takes.field != nullptr) document[std::string{row.takes.key}] = request.*row.takes.field;
  if (row.also.field != nullptr && request.*row.also.field != 0) document[std::string{row.also.key}] = request.*row.also.field;
  if (row.takes.key == source.key) document[std::string{source.key}] = source_text(request.source);
  if (request.verb == admin_verb::explain) build(request.about, document);
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

handshake admin_read_request(admin_request& out, std::string& problem) {
  out = {};
  problem.clear();
  const bytes line = co_await receive_until{admin_request_max, "\n"};
  if (line.empty()) {
    problem = "a request is one line of at most " + std::to_string(admin_request_max) + " bytes";
    co_return errc::oversized;
  }
  boost::system::result<admin_request, std::string> parsed =
      parse_admin_request(as_text(line.first(line.size() - 1)));
  if (!parsed) {
    problem = parsed.error();
    co_return errc::bad_message;
  }
  out = *parsed;
  co_return errc::ok;
}

}  // namespace omnilink::wire
