#include "actors/rules.hpp"

#include <algorithm>
#include <set>

#include "core/nearest_word.hpp"

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

std::vector<std::string> warnings_of(const configuration& of) {
  std::vector<std::string> out;
  for (const filter::rule& one : of.rules) {
    for (const auto& match : one.matches) {
      if (std::ranges::find(not_learned, match.key) == not_learned.end()) continue;
      out.push_back("rule " + core::quoted(one.name) + " meets no connection: " + match.key + " is not known of any by this version");
    }
  }
  for (const filter::filter& one : of.filters) {
    for (const auto& condition : one.conditions) {
      if (std::ranges::find(not_learned, filter::name_of(condition.field)) == not_learned.end()) continue;
      out.push_back("filter " + core::quoted(one.name) + " meets no connection: " + std::string{filter::name_of(condition.field)} + " is not known of any by this version");
    }
  }
  return out;
}

policy_ptr policy_of(const filter::engine& from) {
  return from.defined().filters.empty() ? nullptr : from.current();
}

}  // namespace omnilink::actors
