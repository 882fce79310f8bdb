// The rules of a configuration, as filters of the service's engine.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/configuration.hpp"
#include "interceptor/filter/engine.hpp"

namespace omnilink::actors {

/// Who owns the filters that come from the configuration.
inline constexpr std::string_view rules_provider = "configuration";

/// In the place of those of the configuration before, in one transaction. Empty: done; otherwise nothing changed, and this is what
/// is wrong.
std::vector<std::string> load_rules(interceptor::filter::engine& into, const configuration& from);

/// What is not known of any connection by this version: keys of rules, and fields of filters.
inline constexpr std::array<std::string_view, 7> not_learned{"exe", "process", "uid", "gid", "pid", "cgroup", "interface"};

/// Rules that mean less than they seem to, one line each: they test what is not known of any connection yet, and so meet none.
std::vector<std::string> warnings_of(const configuration& of);

using policy_ptr = std::shared_ptr<const interceptor::filter::policy>;

/// What connections are asked by; null: there is no filter, so that the only chain takes everything.
policy_ptr policy_of(const interceptor::filter::engine& from);

}  // namespace omnilink::actors
