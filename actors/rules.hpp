// The rules of a configuration, as filters of the service's engine.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/configuration.hpp"
#include "interceptor/filter/engine.hpp"

namespace omnilink::actors {

/// Who owns the filters that come from the configuration.
inline constexpr std::string_view rules_provider = "configuration";

/// In the place of those of the configuration before, in one transaction, and its callouts with them. Empty: done; otherwise nothing
/// changed, and this is what is wrong.
std::vector<std::string> load_rules(interceptor::filter::engine& into, const configuration& from);

/// What of a connection must be found out, because somebody wants to know.
struct asked_facts {
  bool program = false;    ///< who opened it …
  bool process = false;    ///< … and what only /proc can tell of that
  bool interface = false;  ///< by which it came in
  bool netns = false;

  /// What `opener` has to find out.
  bool about_opener() const noexcept { return program || interface; }
};
/// `by` may be null. Filters ask, limits, or `attribution` of the configuration, whatever they ask.
asked_facts facts_of(const interceptor::filter::policy* by, const configuration& with);

/// Whether it takes a look at other processes to run it: a right that is kept, or given up, at the start.
bool asks_for_processes(const configuration& of);

using policy_ptr = std::shared_ptr<const interceptor::filter::policy>;

/// What connections are asked by; null: there is no filter, so that the only chain takes everything.
policy_ptr policy_of(const interceptor::filter::engine& from);

}  // namespace omnilink::actors
