#include "actors/rules.hpp"

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

policy_ptr policy_of(const filter::engine& from) {
  return from.defined().filters.empty() ? nullptr : from.current();
}

}  // namespace omnilink::actors
