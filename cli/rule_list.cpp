#include "cli/rule_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <variant>

#include "cli/private_file.hpp"
#include "core/clock.hpp"
#include "core/endpoint.hpp"
#include "core/nearest_word.hpp"
#include "interceptor/filter/condition.hpp"
#include "io/log.hpp"

namespace omnilink::cli {
namespace {

using interceptor::filter::field_id;
using interceptor::filter::match_type;

/// Half a million names; the largest public lists have as many.
constexpr std::size_t rule_list_max = 16 * 1024 * 1024;

// Who reads many of them is told how far it is.
void say_progress(std::size_t entries) {
  static core::instant said = core::clock::now();
  static std::size_t all = 0;
  all += entries;
  const auto now = core::clock::now();
  if (now - said < std::chrono::seconds{1}) return;
  said = now;
  if (io::log::enabled(io::log::level::info)) io::log::line(io::log::level::info, "rules-loading", {{"entries", all}});
  else fmt::print(stderr, "omnilink: reading rules: {} entries of lists so far\n", all);
}

constexpr std::string_view blanks = " \t\r";

std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
  const std::string_view out = line.substr(0, line.find_first_of(blanks));
  line.remove_prefix(out.size());
  return out;
}

class list_parser {
 public:
  rule_list out;

  // Empty: good, or nothing in it.
  std::string take(std::string_view line) {
    line = line.substr(0, line.find('#'));
    const std::string_view first = next_word(line);
    std::string_view second = next_word(line);
    if (second.empty()) return first.empty() ? std::string{} : add(first);
    if (!core::address::parse(first)) return "neither one entry nor a line of a hosts file: " + core::quoted(first) + " is not an address";
    for (; !second.empty(); second = next_word(line)) {
      // Every hosts file begins with the machine's own names.
      if (second.find('.') == second.npos || core::address::parse(second)) continue;
      if (std::string wrong = add_as("host", field_id::host, second); !wrong.empty()) return wrong;
    }
    return {};
  }

 private:
  std::string add(std::string_view word) {
    const bool is_network = std::holds_alternative<interceptor::filter::pattern>(
        interceptor::filter::parse_pattern(field_id::remote_address, match_type::any_of, word));
    if (is_network || word.find_first_of("/:") != word.npos) return add_as("cidr", field_id::remote_address, word);
    return add_as("host", field_id::host, word);
  }

  std::string add_as(std::string_view key, field_id field, std::string_view word) {
    const auto parsed = interceptor::filter::parse_pattern(field, match_type::any_of, word);
    if (const auto* wrong = std::get_if<std::string>(&parsed)) return *wrong;
    // At a layer of both families.
    const interceptor::filter::condition alone{field, false, {std::get<interceptor::filter::pattern>(parsed)}};
    if (std::string wrong = validate(alone, interceptor::filter::layer_id::flow_established); !wrong.empty()) return wrong;
    if (out.key.empty()) out.key = key;
    if (out.key != key) return "hosts and networks in one file, of which a connection would have to meet both; make two rules with a file each";
    out.entries.emplace_back(word);
    return {};
  }
};

}  // namespace

boost::system::result<rule_list, std::string> parse_rule_list(std::string_view text) {
  list_parser all;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (const std::string wrong = all.take(line); !wrong.empty())
      return {boost::system::in_place_error, std::to_string(number) + ": " + wrong};
  }
  if (all.out.entries.empty()) return {boost::system::in_place_error, "1: no entry in it, so that nothing would meet the rule"};
  return {boost::system::in_place_value, std::move(all.out)};
}

boost::system::result<rule_list, std::string> read_rule_list(const std::string& path) {
  unsigned others = 0;
  const auto text = read_private_file(path, rule_list_max, readers::anybody, &others);
  if (text.has_error()) return {boost::system::in_place_error, text.error()};
  // Who may write it decides where everybody's traffic goes.
  if ((others & 02) != 0) return {boost::system::in_place_error, core::quoted(path) + ": everybody may write it; chmod o-w it"};
  auto out = parse_rule_list(text->reveal());
  if (out.has_error()) return {boost::system::in_place_error, path + ":" + out.error()};
  say_progress(out->entries.size());
  return out;
}

}  // namespace omnilink::cli
