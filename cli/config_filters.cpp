#include "cli/config_filters.hpp"

#include <algorithm>
#include <iterator>

#include "actors/rules.hpp"
#include "cli/config_rules.hpp"
#include "cli/rule_list.hpp"
#include "core/nearest_word.hpp"

namespace omnilink::cli {
namespace {

namespace filter = interceptor::filter;

void read_sublayer(const toml::table& from, actors::configuration& into, config_errors& errors) {
  table_reader in{from, "[[sublayer]]", errors};
  filter::sublayer out;
  out.provider = actors::rules_provider;
  if (!in.text("name", out.name) && !from.contains("name")) in.fail("a [[sublayer]] without name");
  if (!in.integer("weight", out.weight) && !from.contains("weight")) in.fail("a [[sublayer]] without weight: 0 to 65535; \"default\" has 32768");
  in.text("provider", out.provider);
  const bool is_there = out.name == filter::default_sublayer || std::ranges::find(into.sublayers, out.name, &filter::sublayer::name) != into.sublayers.end();
  if (is_there) in.fail_at("name", "there is a sublayer with the name " + core::quoted(out.name) + " already");
  if (from.contains("name") && (out.name.empty() || out.name.size() > filter::name_max)) in.fail_at("name", "name has 1 to 255 bytes");
  in.finish();
  into.sublayers.push_back(std::move(out));
}

class filter_reader {
 public:
  filter_reader(const toml::table& from, config_errors& errors) : from_{from}, errors_{errors}, in_{from, "[[filter]]", errors} {}

  /// One for each of its layers.
  void read(actors::configuration& into) {
    const std::size_t before = errors_.count();
    if (!in_.text("name", out_.name) && !from_.contains("name")) in_.fail("a [[filter]] without name");
    out_.provider = actors::rules_provider;
    in_.text("provider", out_.provider);
    in_.boolean("enabled", out_.enabled);
    read_on_change(in_, out_.on_change);
    if (in_.integer("id", out_.id) && (out_.id == 0 || out_.id >= filter::first_given_id)) in_.fail_at("id", place() + "id is not between 1 and 4294967295");
    if (std::uint64_t weight = 0; in_.integer("weight", weight)) out_.weight = filter::weight::exact(weight);
    if (std::size_t right = 0; in_.choice("right", right, {"keep", "clear"}))
      out_.right = right == 0 ? filter::action_right::keep : filter::action_right::clear;
    read_sublayer_name(into);
    if (const toml::table* match = in_.table("match")) read_conditions(*match, "match", false);
    if (const toml::table* match = in_.table("not")) read_conditions(*match, "not", true);
    if (read_action(in_, place(), into, text_)) out_.action = std::get<filter::action>(filter::parse_action(text_));
    const auto* callout = is_callout(out_.action.kind) ? find_callout(into, out_.action.name) : nullptr;
    if (callout) out_.action.kind = callout->known().kind;
    for (const filter::layer_id at : read_layers()) {
      out_.layer = at;
      if (const std::string wrong = callout ? callout->why_not_at(at) : ""; !wrong.empty()) in_.fail_at("layer", place() + wrong);
      if (errors_.count() == before) in_.report(out_.validate());
      if (errors_.count() == before) report_taken_id(into.filters);
      into.filters.push_back(out_);
    }
    in_.finish();
  }

 private:
  std::string place() const { return "filter " + core::quoted(out_.name) + ": "; }

  // Also by itself, at another layer.
  void report_taken_id(const std::vector<filter::filter>& others) {
    const auto same = std::ranges::find(others, out_.id, &filter::filter::id);
    if (out_.id != 0 && same != others.end())
      in_.fail_at("id", place() + "its id " + std::to_string(out_.id) + " is filter " + core::quoted(same->name) + "'s at layer " + std::string{name_of(same->layer)} + " already");
  }

  void read_sublayer_name(const actors::configuration& known) {
    if (!in_.text("sublayer", out_.sublayer)) return;
    std::vector<std::string_view> names{filter::default_sublayer};
    for (const auto& one : known.sublayers) names.push_back(one.name);
    if (std::ranges::find(names, out_.sublayer) == names.end())
      in_.fail_at("sublayer", place() + "there is no sublayer " + core::quoted(out_.sublayer) + core::did_you_mean(out_.sublayer, names));
  }

  std::vector<filter::layer_id> read_layers() {
    std::vector<std::string> words;
    if (!in_.texts("layer", words, true) && !from_.contains("layer")) in_.fail("a [[filter]] without layer, as [\"connect_auth_v4\", \"connect_auth_v6\"]");
    std::vector<filter::layer_id> out;
    for (const std::string& word : words) {
      if (const auto at = filter::parse_layer(word)) {
        out.push_back(*at);
        continue;
      }
      std::vector<std::string_view> names;
      for (std::size_t i = 0; i < filter::layers; ++i) names.push_back(filter::name_of(static_cast<filter::layer_id>(i)));
      in_.fail_at("layer", place() + "there is no layer " + core::quoted(word) + core::did_you_mean(word, names));
    }
    return out;
  }

  void read_conditions(const toml::table& from, const char* name, bool negated) {
    table_reader keys{from, name, errors_};
    for (std::size_t i = 0; i < filter::fields; ++i) {
      const auto field = static_cast<filter::field_id>(i);
      const std::string_view key = filter::name_of(field);
      const toml::node* values = keys.find(key);
      if (!values) continue;
      filter::condition& into = condition_on(field, negated);
      each_value(*values, key, place(), errors_, [&](const std::string& word) { return add(word, into); });
    }
    std::vector<std::string> files;
    keys.texts("rules_from", files, true);
    for (const std::string& path : files) {
      auto list = read_rule_list(path);
      if (list.has_error()) {
        keys.fail_at("rules_from", place() + "rules_from " + list.error());
        continue;
      }
      filter::condition& into = condition_on(list->key == "host" ? filter::field_id::host : filter::field_id::remote_address, negated);
      for (const std::string& word : list->entries) (void)add(word, into);  // they are good
    }
    keys.finish();
  }

  filter::condition& condition_on(filter::field_id field, bool negated) {
    const auto found = std::ranges::find_if(out_.conditions, [&](const auto& c) { return c.field == field && c.negated == negated; });
    return found != out_.conditions.end() ? *found : out_.conditions.emplace_back(field, negated, std::vector<filter::pattern>{});
  }

  static std::string add(const std::string& word, filter::condition& into) {
    auto parsed = filter::parse_patterns(into.field, word);
    if (const auto* wrong = std::get_if<std::string>(&parsed)) return *wrong;
    // At a layer of both families.
    filter::condition alone{into.field, false, std::get<std::vector<filter::pattern>>(std::move(parsed))};
    if (std::string wrong = validate(alone, filter::layer_id::flow_established); !wrong.empty()) return wrong;
    std::ranges::move(alone.any_of, std::back_inserter(into.any_of));
    return {};
  }

  const toml::table& from_;
  config_errors& errors_;
  table_reader in_;
  filter::filter out_;
  std::string text_;
};

}  // namespace

void read_filters(const std::vector<const toml::table*>& sublayers, const std::vector<const toml::table*>& filters,
                  actors::configuration& into, config_errors& errors) {
  for (const toml::table* one : sublayers) read_sublayer(*one, into, errors);
  for (const toml::table* one : filters) filter_reader{*one, errors}.read(into);
  if ((filters.empty() && sublayers.empty()) || errors.count() != 0) return;
  // What only all of them together can be: too many.
  interceptor::filter::engine alone;
  for (const std::string& wrong : actors::load_rules(alone, into)) errors.add((filters.empty() ? sublayers : filters).front()->source(), wrong);
}

}  // namespace omnilink::cli
