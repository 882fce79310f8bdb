#include "cli/config_rules.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <span>

#include "cli/rule_list.hpp"
#include "core/nearest_word.hpp"

namespace omnilink::cli {
namespace {

namespace filter = interceptor::filter;

// What the filter engine says of a rule, without the name that it begins with. Empty: nothing.
std::string wrong_with(const filter::rule& one, std::span<const filter::known_callout> callouts = {}) {
  const auto made = filter::filters_of({&one, 1}, {}, callouts);
  if (made.errors.empty()) return {};
  const std::string name = "filter " + core::quoted(one.name) + ": ";
  const std::string& line = made.errors.front();
  return line.starts_with(name) ? line.substr(name.size()) : line;
}

// Empty: there is such a chain.
std::string wrong_chain(const std::string& name, const std::vector<chain::chain>& chains) {
  if (std::ranges::find(chains, name, &chain::chain::name) != chains.end()) return {};
  if (name == "direct" || name == "reject") return core::quoted(name) + " is an action of its own; write action = " + core::quoted(name);
  std::vector<std::string_view> names;
  for (const auto& one : chains) names.push_back(one.name);
  return "there is no chain " + core::quoted(name) + core::did_you_mean(name, names);
}

// Empty: there is such a callout.
std::string wrong_callout(const std::string& name, const actors::configuration& known) {
  if (find_callout(known, name)) return {};
  std::vector<std::string_view> names;
  for (const auto& one : known.callouts) names.push_back(one.name);
  return "there is no [[callout]] " + core::quoted(name) + core::did_you_mean(name, names);
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
    read_on_change(in_, out_.on_change);
    if (const toml::table* match = in_.table("match")) read_match(*match);
    read_action(in_, place(), known, out_.action);
    std::vector<filter::known_callout> callouts;
    for (const auto& one : known.callouts) callouts.push_back(one.known());
    if (errors_.count() == before) in_.report(wrong_with(out_, callouts));
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
      each_value(*values, key, place(), errors_, [&](const std::string& word) {
        into.values.push_back(word);
        return wrong_with({out_.name, {{into.key, {word}}}, "direct", true});
      });
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

  config_errors& errors_;
  table_reader in_;
  const std::size_t number_;
  filter::rule out_;
};

}  // namespace

void each_value(const toml::node& from, std::string_view key, const std::string& place, config_errors& errors, const value_taker& take) {
  if (const toml::array* list = from.as_array()) {
    if (list->empty()) errors.add(from.source(), place + std::string{key} + " is an empty list, which nothing meets; leave it out");
    for (const toml::node& one : *list) each_value(one, key, place, errors, take);
    return;
  }
  std::string word;
  if (const auto number = from.value_exact<std::int64_t>()) word = std::to_string(*number);
  else if (const auto text = from.value_exact<std::string>()) word = *text;
  else return errors.add(from.source(), place + std::string{key} + " is a value or a list of values");
  if (const std::string wrong = take(word); !wrong.empty()) errors.add(from.source(), place + wrong);
}

const interceptor::callout_settings* find_callout(const actors::configuration& in, std::string_view name) {
  const auto found = std::ranges::find(in.callouts, name, &interceptor::callout_settings::name);
  return found != in.callouts.end() ? &*found : nullptr;
}

void read_on_change(table_reader& in, filter::on_change& out) {
  if (std::size_t which = 0; in.choice("on_change", which, filter::on_change_words)) out = static_cast<filter::on_change>(which);
}

bool read_action(table_reader& in, const std::string& place, const actors::configuration& known, std::string& out) {
  if (!in.find("action")) return in.fail(place + "there is no action"), false;
  if (!in.text("action", out)) return false;
  const auto parsed = filter::parse_action(out);
  const auto* what = std::get_if<filter::action>(&parsed);
  std::string wrong;
  if (!what) wrong = std::get<std::string>(parsed);
  else if (filter::is_callout(what->kind)) wrong = wrong_callout(what->name, known);
  else if (what->kind == filter::action_kind::chain) wrong = wrong_chain(what->name, known.chains);
  if (!wrong.empty()) in.fail_at("action", place + wrong);
  return wrong.empty();
}

void read_rules(const std::vector<const toml::table*>& from, actors::configuration& into, config_errors& errors) {
  std::set<std::string> names;
  for (const toml::table* one : from) {
    filter::rule read = rule_reader{*one, into.rules.size() + 1, errors}.read(into);
    if (!names.insert(read.name).second) errors.add(one->source(), "a second rule with the name " + core::quoted(read.name));
    into.rules.push_back(std::move(read));
  }
}

}  // namespace omnilink::cli
