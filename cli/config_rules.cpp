#include "cli/config_rules.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "cli/rule_list.hpp"
#include "core/nearest_word.hpp"

namespace omnilink::cli {
namespace {

namespace filter = interceptor::filter;

// What the filter engine says of a rule, without the name that it begins with. Empty: nothing.
std::string wrong_with(const filter::rule& one) {
  const auto made = filter::filters_of({&one, 1}, {});
  if (made.errors.empty()) return {};
  const std::string name = "filter " + core::quoted(one.name) + ": ";
  const std::string& line = made.errors.front();
  return line.starts_with(name) ? line.substr(name.size()) : line;
}

class rule_reader {
 public:
  rule_reader(const toml::table& from, std::size_t number, config_errors& errors)
      : errors_{errors}, in_{from, "[[rule]]", errors}, number_{number} {}

  filter::rule read(const actors::configuration& known) {
    const std::size_t before = errors_.count();
    in_.text("name", out_.name);
    if (out_.name.empty()) out_.name = "rule " + std::to_string(number_);
    in_.boolean("enabled", out_.enabled);
    if (const toml::table* match = in_.table("match")) read_match(*match);
    read_action(known);
    if (errors_.count() == before) in_.report(wrong_with(out_));
    in_.finish();
    return std::move(out_);
  }

 private:
  std::string place() const { return "rule " + core::quoted(out_.name) + ": "; }

  void read_match(const toml::table& from) {
    table_reader keys{from, "match", errors_};
    for (const std::string_view key : filter::match_keys()) {
      const toml::node* values = keys.find(key);
      if (!values) continue;
      filter::rule::match& into = out_.matches.emplace_back(std::string{key}, std::vector<std::string>{});
      const toml::array* list = values->as_array();
      if (list && list->empty()) errors_.add(values->source(), place() + into.key + " is an empty list, which nothing meets; leave it out");
      if (!list) read_value(*values, into);
      else for (const toml::node& one : *list) read_value(one, into);
    }
    std::vector<std::string> files;
    keys.texts("rules_from", files, true);
    for (const std::string& path : files) {
      auto list = read_rule_list(path);
      if (list.has_error()) keys.fail_at("rules_from", place() + "rules_from " + list.error());
      else add(std::move(*list));
    }
    keys.finish();
  }

  // Beside what the rule itself says of that key: any of both.
  void add(rule_list list) {
    auto into = std::ranges::find(out_.matches, list.key, &filter::rule::match::key);
    if (into == out_.matches.end()) into = out_.matches.insert(into, {list.key, {}});
    std::ranges::move(list.entries, std::back_inserter(into->values));
  }

  // Ports and ids may be numbers. Each value is tried alone, so that an error has its place.
  void read_value(const toml::node& from, filter::rule::match& into) {
    std::string word;
    if (const auto number = from.value_exact<std::int64_t>()) word = std::to_string(*number);
    else if (const auto text = from.value_exact<std::string>()) word = *text;
    else return errors_.add(from.source(), place() + into.key + " is a value or a list of values");
    const std::string wrong = wrong_with({out_.name, {{into.key, {word}}}, "direct", true});
    if (!wrong.empty()) errors_.add(from.source(), place() + wrong);
    into.values.push_back(std::move(word));
  }

  void read_action(const actors::configuration& known) {
    if (!in_.find("action")) return in_.fail("a [[rule]] without action");
    if (!in_.text("action", out_.action)) return;
    const auto parsed = filter::parse_action(out_.action);
    if (const auto* wrong = std::get_if<std::string>(&parsed)) return in_.fail_at("action", place() + *wrong);
    const auto& what = std::get<filter::action>(parsed);
    if (what.kind == filter::action_kind::chain) check_chain(what.name, known.chains);
    if (filter::is_callout(what.kind)) in_.fail_at("action", place() + "callouts are not supported by this version");
  }

  void check_chain(const std::string& name, const std::vector<chain::chain>& chains) {
    if (std::ranges::find(chains, name, &chain::chain::name) != chains.end()) return;
    if (name == "direct" || name == "reject")
      return in_.fail_at("action", place() + core::quoted(name) + " is an action of its own; write action = " + core::quoted(name));
    std::vector<std::string_view> names;
    for (const auto& one : chains) names.push_back(one.name);
    in_.fail_at("action", place() + "there is no chain " + core::quoted(name) + core::did_you_mean(name, names));
  }

  config_errors& errors_;
  table_reader in_;
  const std::size_t number_;
  filter::rule out_;
};

}  // namespace

void read_rules(const std::vector<const toml::table*>& from, actors::configuration& into, config_errors& errors) {
  std::set<std::string> names;
  for (const toml::table* one : from) {
    filter::rule read = rule_reader{*one, into.rules.size() + 1, errors}.read(into);
    if (!names.insert(read.name).second) errors.add(one->source(), "a second rule with the name " + core::quoted(read.name));
    into.rules.push_back(std::move(read));
  }
}

}  // namespace omnilink::cli
