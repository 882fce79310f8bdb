#include "wire/admin_http.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "core/nearest_word.hpp"

namespace omnilink::wire {
namespace {

using form = admin_call::form;

// A path, with one more part where `argument` says what that is.
struct route {
  enum class argument : std::uint8_t { none, source, id };
  std::string_view method, path;
  admin_verb verb;
  argument takes = argument::none;
  bool paged = false;  // `cursor`, beside …
  bool listed = false;  // … `limit`
  form answered_as = form::json;
};

constexpr std::array routes{
    route{"GET", "/v1/nat", admin_verb::nat_list, route::argument::none, true, true},
    route{"GET", "/v1/nat", admin_verb::nat_find, route::argument::source},
    route{"DELETE", "/v1/nat", admin_verb::nat_delete, route::argument::source},
    route{"GET", "/v1/connections", admin_verb::connections, route::argument::none, false, true},
    route{"DELETE", "/v1/connections", admin_verb::connections_kill, route::argument::id},
    route{"GET", "/v1/chains", admin_verb::chains},
    route{"GET", "/v1/stats", admin_verb::nat_stats},
    route{"GET", "/metrics", admin_verb::metrics, route::argument::none, false, false, form::metrics},
    route{"GET", "/healthz", admin_verb::version, route::argument::none, false, false, form::health},
};

int hex(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// nullopt: no proper encoding.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return {};
    out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
    i += 2;
  }
  return out;
}

bool to_number(std::string_view text, std::uint64_t& out) noexcept {
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out);
  return wrong == std::errc{} && end == text.data() + text.size();
}

// Empty: taken. Otherwise what is wrong.
std::string take_argument(std::string_view raw, const route& by, admin_request& into) {
  const auto text = decoded(raw);
  if (by.takes == route::argument::source) {
    const auto where = text ? parse_admin_source(*text) : std::nullopt;
    if (!where) return core::quoted(raw) + " is not ADDR:PORT, as 127.0.0.1:40312, [::1]:40312 or :40312";
    into.source = *where;
    return {};
  }
  if (!text || !to_number(*text, into.id) || into.id == 0) return core::quoted(raw) + " is not a connection's number";
  return {};
}

std::string take_parameter(std::string_view pair, const route& by, admin_request& into) {
  const std::string_view key = pair.substr(0, pair.find('='));
  std::uint64_t value = 0;
  const bool is_number = pair.size() > key.size() && to_number(pair.substr(key.size() + 1), value);
  if (by.listed && key == "limit") {
    if (!is_number || value == 0 || value > admin_list_max) return "limit is not a whole number from 1 to " + std::to_string(admin_list_max);
    into.limit = value;
    return {};
  }
  if (by.paged && key == "cursor") {
    if (!is_number) return "cursor is not a number; take it from the last page's \"next\"";
    into.cursor = value;
    return {};
  }
  return "unknown parameter " + core::quoted(key);
}

}  // namespace

boost::system::result<admin_call, admin_refusal> parse_admin_call(std::string_view method, std::string_view target) {
  const auto refuse = [](unsigned status, std::string reason, std::string allow = {}) {
    return boost::system::result<admin_call, admin_refusal>{boost::system::in_place_error, admin_refusal{status, std::move(reason), std::move(allow)}};
  };
  if (target.size() > admin_target_max) return refuse(400, "the request's target is longer than " + std::to_string(admin_target_max) + " bytes");
  const std::size_t question_mark = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, question_mark);
  std::string_view parameters = target.substr(std::min(question_mark + 1, target.size()));
  std::string allow;
  for (const route& by : routes) {
    const bool deeper = path.size() > by.path.size() + 1 && path.starts_with(by.path) && path[by.path.size()] == '/';
    const std::string_view argument = deeper ? path.substr(by.path.size() + 1) : std::string_view{};
    const bool is_it = by.takes == route::argument::none ? path == by.path : deeper && argument.find('/') == argument.npos;
    if (!is_it) continue;
    if (method != by.method) {
      allow += (allow.empty() ? "" : ", ") + std::string{by.method};
      continue;
    }
    admin_call out;
    out.request.verb = by.verb;
    out.answered_as = by.answered_as;
    std::string wrong = deeper ? take_argument(argument, by, out.request) : std::string{};
    while (wrong.empty() && !parameters.empty()) {
      const std::string_view pair = parameters.substr(0, parameters.find('&'));
      parameters.remove_prefix(std::min(pair.size() + 1, parameters.size()));
      wrong = take_parameter(pair, by, out.request);
    }
    if (!wrong.empty()) return refuse(400, std::move(wrong));
    return out;
  }
  if (!allow.empty()) return refuse(405, "this path has " + allow, allow);
  return refuse(404, "no such path");
}

bool admits(const admin_caller& who, std::span<const std::string> names) noexcept {
  if (!who.origin.empty() || (!who.fetch_site.empty() && who.fetch_site != "none")) return false;
  return std::ranges::find(names, who.host) != names.end();
}

bool is_token(const core::secret& token, std::string_view said) noexcept {
  const std::string_view wanted = token.reveal();
  unsigned different = wanted.size() != said.size() || wanted.empty();
  for (std::size_t i = 0; i < std::min(wanted.size(), said.size()); ++i) {
    different |= static_cast<unsigned>(static_cast<unsigned char>(wanted[i]) ^ static_cast<unsigned char>(said[i]));
  }
  return different == 0;
}

}  // namespace omnilink::wire
