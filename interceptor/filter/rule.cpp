#include "interceptor/filter/rule.hpp"

#include <algorithm>
#include <array>

#include "core/host_name.hpp"
#include "core/nearest_word.hpp"

namespace omnilink::interceptor::filter {
namespace {

struct key {
  std::string_view name;
  field_id field;
};
constexpr std::array keys{
    key{"port", field_id::remote_port},
    key{"cidr", field_id::remote_address},
    key{"host", field_id::host},
    key{"exe", field_id::exe},
    key{"process", field_id::process},
    key{"uid", field_id::uid},
    key{"gid", field_id::gid},
    key{"pid", field_id::pid},
    key{"cgroup", field_id::cgroup},
    key{"protocol", field_id::protocol},
    key{"netns", field_id::netns},
    key{"interface", field_id::interface},
    key{"listener", field_id::listener},
    key{"source", field_id::local_address},
    key{"source_port", field_id::local_port},
    key{"tag", field_id::tag},
    key{"time", field_id::time},
};

constexpr std::array<std::string_view, 7> actions{"direct", "permit",    "block",   "reject",
                                                  "chain:", "redirect:", "callout:"};

std::variant<action, std::string> parse_redirect(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos)
    return std::string{"redirect needs HOST:PORT; an empty part stays as it is: redirect::8080"};
  new_destination to;
  if (const std::string_view port = text.substr(colon + 1); !port.empty()) {
    const auto number = core::parse_port(port);
    if (!number) return "redirect: " + core::quoted(port) + " is not a port";
    to.port = *number;
  }
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  to.address = core::address::parse(host);
  if (!to.address && !host.empty()) {
    if (!core::valid_host_name(host)) return "redirect: " + core::quoted(host) + " is not a host";
    to.name = host;
  }
  if (to.empty()) return std::string{"redirect must change the host, the port or both"};
  return action::redirect(std::move(to));
}

// A path is itself and what is below it; a name is a unit anywhere in the path.
std::vector<pattern> cgroup_patterns(const std::string& value) {
  using enum text_pattern::kind;
  if (value.starts_with('/')) return {text_pattern{exact, value}, text_pattern{prefix, value + "/"}};
  return {text_pattern{glob, "*/" + value}, text_pattern{glob, "*/" + value + "/*"}};
}

struct parsed_rule {
  std::vector<condition> conditions;
  action what;
  bool at_stream = false;
  std::string wrong;
};

std::string add_condition(const rule::match& m, std::vector<condition>& to) {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const key& k) { return k.name == m.key; });
  if (found == keys.end()) {
    return "there is no match key " + core::quoted(m.key) + core::did_you_mean(m.key, match_keys());
  }
  condition c{found->field, false, {}};
  for (const std::string& value : m.values) {
    if (c.field == field_id::cgroup && !value.empty()) {
      for (pattern& p : cgroup_patterns(value)) c.any_of.push_back(std::move(p));
      continue;
    }
    auto parsed = parse_patterns(c.field, value);
    if (auto* wrong = std::get_if<std::string>(&parsed)) return m.key + ": " + std::move(*wrong);
    for (pattern& p : std::get<std::vector<pattern>>(parsed)) c.any_of.push_back(std::move(p));
  }
  to.push_back(std::move(c));
  return {};
}

// Empty: there is such a callout, and the action is of its kind.
std::string find_callout(std::span<const known_callout> callouts, parsed_rule& of) {
  const auto found = std::ranges::find(callouts, of.what.name, &known_callout::name);
  if (found != callouts.end()) {
    of.what.kind = found->kind;
    of.at_stream = found->at_stream;
    return {};
  }
  std::vector<std::string_view> names;
  for (const known_callout& one : callouts) names.push_back(one.name);
  return "there is no callout " + core::quoted(of.what.name) + core::did_you_mean(of.what.name, names);
}

parsed_rule parse(const rule& r, std::span<const known_callout> callouts) {
  parsed_rule out;
  for (const rule::match& m : r.matches) {
    out.wrong = add_condition(m, out.conditions);
    if (!out.wrong.empty()) return out;
  }
  auto what = parse_action(r.action);
  if (auto* wrong = std::get_if<std::string>(&what)) {
    out.wrong = std::move(*wrong);
  } else {
    out.what = std::get<action>(std::move(what));
    if (is_callout(out.what.kind)) out.wrong = find_callout(callouts, out);
  }
  return out;
}

bool is_of(const pattern& p, bool is_v6) noexcept {
  if (const auto* network = std::get_if<core::cidr>(&p)) return network->network.is_v6() == is_v6;
  return std::get<address_range>(p).first.is_v6() == is_v6;
}

// Takes the other family's addresses out. False: nothing is left of a list, so no connection of this family
// is meant.
bool keep_family(std::vector<condition>& conditions, bool is_v6) {
  for (condition& c : conditions) {
    if (type_of(c.field) != field_type::address || c.any_of.empty()) continue;
    std::erase_if(c.any_of, [&](const pattern& p) { return !is_of(p, is_v6); });
    if (c.any_of.empty()) return false;
  }
  return true;
}

layer_id layer_of(action_kind k, bool is_v6) noexcept {
  if (k == action_kind::redirect)
    return is_v6 ? layer_id::connect_redirect_v6 : layer_id::connect_redirect_v4;
  return is_v6 ? layer_id::connect_auth_v6 : layer_id::connect_auth_v4;
}

}  // namespace

std::span<const std::string_view> match_keys() noexcept {
  static constexpr auto names = [] {
    std::array<std::string_view, keys.size()> out;
    std::ranges::transform(keys, out.begin(), &key::name);
    return out;
  }();
  return names;
}

std::variant<action, std::string> parse_action(std::string_view text) {
  if (text == "direct") return action::direct();
  if (text == "permit") return action::permit();
  if (text == "block") return action::block({block_answer::how::silent, 0});
  if (text == "reject") return action::block();
  if (text.starts_with("redirect:")) return parse_redirect(text.substr(9));
  if (text.starts_with("chain:") && text.size() > 6) return action::chain(std::string{text.substr(6)});
  if (text.starts_with("callout:") && text.size() > 8) {
    return action::callout(action_kind::callout_unknown, std::string{text.substr(8)});
  }
  return "there is no action " + core::quoted(text) + core::did_you_mean(text, actions) +
         " (direct, permit, block, reject, chain:NAME, redirect:HOST:PORT, callout:NAME)";
}

rule_filters filters_of(std::span<const rule> rules, std::string_view provider,
                        std::span<const known_callout> callouts) {
  rule_filters out;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string name = rules[i].name.empty() ? "rule " + std::to_string(i + 1) : rules[i].name;
    parsed_rule parsed = parse(rules[i], callouts);
    for (const bool is_v6 : {false, true}) {
      filter f;
      f.name = name;
      f.provider = provider;
      f.weight = weight::exact(rules.size() - i);
      f.action = parsed.what;
      f.layer = parsed.at_stream ? layer_id::stream : layer_of(parsed.what.kind, is_v6);
      f.conditions = parsed.conditions;
      f.enabled = rules[i].enabled;
      f.on_change = rules[i].on_change;
      if (!parsed.wrong.empty()) continue;
      // The stream layer is of both families.
      if (parsed.at_stream ? is_v6 : !keep_family(f.conditions, is_v6)) continue;
      if (parsed.wrong = f.validate(); parsed.wrong.empty()) out.filters.push_back(std::move(f));
    }
    if (parsed.wrong.empty()) continue;
    // validate() has said the name already.
    out.errors.push_back(parsed.wrong.starts_with("filter ")
                             ? std::move(parsed.wrong)
                             : "filter " + core::quoted(name) + ": " + parsed.wrong);
  }
  if (!out.errors.empty()) out.filters.clear();
  return out;
}

}  // namespace omnilink::interceptor::filter
