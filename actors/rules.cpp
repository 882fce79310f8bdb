#include "actors/rules.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <set>

namespace omnilink::actors {

namespace filter = interceptor::filter;

std::vector<std::string> load_rules(filter::engine& into, const configuration& from) {
  filter::rule_filters made = filter::filters_of(from.rules, rules_provider);
  if (!made.errors.empty()) return std::move(made.errors);
  filter::transaction change = into.begin();
  // Whoever the owners were, all of them are the configuration's.
  std::set<std::string> owners;
  for (const auto& [name, one] : into.defined().sublayers) owners.insert(one.provider);
  for (const auto& [id, one] : into.defined().filters) owners.insert(one.source->provider);
  for (const std::string& owner : owners) change.remove_provider(owner);
  for (const filter::sublayer& one : from.sublayers) change.add(one);
  for (filter::filter& one : made.filters) change.add(std::move(one));
  for (const filter::filter& one : from.filters) change.add(one);
  return into.commit(std::move(change));
}

asked_facts facts_of(const interceptor::filter::policy* by, bool always) {
  using filter::field_id;
  const auto any = [by](std::initializer_list<field_id> of) {
    return by != nullptr && std::ranges::any_of(of, [by](field_id f) { return by->asks(f); });
  };
  asked_facts out;
  out.process = always || any({field_id::pid, field_id::gid, field_id::exe, field_id::process});
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
  if (of.service.attribution) return true;
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
