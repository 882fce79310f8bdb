#include "actors/rules.hpp"

#include <algorithm>

#include "core/nearest_word.hpp"

namespace omnilink::actors {

namespace filter = interceptor::filter;

std::vector<std::string> load_rules(filter::engine& into, const configuration& from) {
  filter::rule_filters made = filter::filters_of(from.rules, rules_provider);
  if (!made.errors.empty()) return std::move(made.errors);
  filter::transaction change = into.begin();
  change.remove_provider(rules_provider);
  for (filter::filter& one : made.filters) change.add(std::move(one));
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
  return out;
}

policy_ptr policy_of(const filter::engine& from) {
  return from.defined().filters.empty() ? nullptr : from.current();
}

}  // namespace omnilink::actors
