#include "actors/rules.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <set>

#include "actors/access_log.hpp"

namespace omnilink::actors {

namespace filter = interceptor::filter;

namespace {

// The built-in ones take microseconds; what is longer was not their doing, but a busy machine's.
constexpr core::nanoseconds budget = std::chrono::milliseconds{100};

using lines = std::vector<std::string>;

std::vector<filter::known_callout> known_of(const std::vector<interceptor::callout_settings>& all) {
  std::vector<filter::known_callout> out;
  for (const auto& one : all) out.push_back(one.known());
  return out;
}

// Whoever the owners were, all of them are the configuration's.
filter::transaction replacing_all(const filter::engine& in) {
  filter::transaction out = in.begin();
  std::set<std::string> owners;
  for (const auto& [name, one] : in.defined().sublayers) owners.insert(one.provider);
  for (const auto& [name, owner] : in.defined().callouts) owners.insert(owner);
  for (const auto& [id, one] : in.defined().filters) owners.insert(one.source->provider);
  for (const std::string& owner : owners) out.remove_provider(owner);
  return out;
}

using code_list = std::vector<std::pair<std::string, std::shared_ptr<filter::callout>>>;

code_list make_codes(const filter::engine& in, const configuration& from) {
  code_list out;
  const auto show = [how = from.log_destinations](const std::string& destination) { return shown(destination, how); };
  for (const auto& one : from.callouts) out.emplace_back(one.name, interceptor::make_callout(one, in.code_of(one.name), show));
  return out;
}

bool limits_by(const configuration& of, filter::field_id field) {
  return std::ranges::any_of(of.callouts, [field](const auto& one) {
    const auto* limit = std::get_if<interceptor::limit_settings>(&one.what);
    return limit && std::ranges::find(limit->by, field) != limit->by.end();
  });
}

}  // namespace

lines load_rules(filter::engine& into, const configuration& from) {
  const auto known = known_of(from.callouts);
  filter::rule_filters made = filter::filters_of(from.rules, rules_provider, known);
  if (!made.errors.empty()) return std::move(made.errors);
  const code_list wanted = make_codes(into, from);
  const auto unnamed = into.unnamed_callouts();
  filter::transaction change = replacing_all(into);
  for (const auto& [name, code] : wanted) {
    change.add_callout(name, std::string{rules_provider});
    // Filters may name it from the first moment on. What is there already stays until the filters are in force.
    if (!into.code_of(name)) into.replace_callout(name, code, budget);
  }
  for (const filter::sublayer& one : from.sublayers) change.add(one);
  for (filter::filter& one : made.filters) change.add(std::move(one));
  for (const filter::filter& one : from.filters) change.add(one);
  if (lines wrong = into.commit(std::move(change)); !wrong.empty()) return wrong;
  for (const auto& [name, code] : wanted) {
    if (into.code_of(name) != code) into.replace_callout(name, code, budget);
  }
  // Those of the configuration before the last one: no worker asks them any more.
  for (const std::string& name : unnamed) {
    if (!into.defined().callouts.contains(name)) into.unregister_callout(name);
  }
  return {};
}

asked_facts facts_of(const interceptor::filter::policy* by, const configuration& with) {
  using filter::field_id;
  const auto any = [&](std::initializer_list<field_id> of) {
    return by != nullptr && std::ranges::any_of(of, [&](field_id f) { return by->asks(f) || limits_by(with, f); });
  };
  asked_facts out;
  out.process = with.service.attribution || any({field_id::pid, field_id::gid, field_id::exe, field_id::process});
  out.program = out.process || any({field_id::uid, field_id::cgroup});
  out.interface = any({field_id::interface});
  out.netns = any({field_id::netns});
  return out;
}

bool asks_for_processes(const configuration& of) {
  using filter::field_id;
  constexpr std::array told_by_proc{field_id::pid, field_id::gid, field_id::exe, field_id::process};
  const auto is_one = [&](std::string_view key) {
    return std::ranges::any_of(told_by_proc, [key](field_id f) { return name_of(f) == key; });
  };
  if (of.service.attribution || std::ranges::any_of(told_by_proc, [&](field_id f) { return limits_by(of, f); })) return true;
  for (const filter::rule& one : of.rules) {
    for (const auto& match : one.matches) {
      if (is_one(match.key)) return true;
    }
  }
  for (const filter::filter& one : of.filters) {
    for (const auto& condition : one.conditions) {
      if (is_one(name_of(condition.field))) return true;
    }
  }
  return false;
}

policy_ptr policy_of(const filter::engine& from) {
  return from.defined().filters.empty() ? nullptr : from.current();
}

}  // namespace omnilink::actors
