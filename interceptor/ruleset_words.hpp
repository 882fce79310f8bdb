// Pieces of nft's language that the tables of netd share. Pure.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string>
#include <string_view>

#include "interceptor/mark.hpp"
#include "interceptor/ruleset_capture.hpp"
#include "interceptor/ruleset_conditions.hpp"

namespace omnilink::interceptor {

inline std::string chain(std::string_view name, std::string_view hook, const std::string& body) {
  return fmt::format("  chain {} {{\n    type {}; policy accept;\n{}  }}\n", name, hook, body);
}

inline std::string sent_by(const exemption& own) { return fmt::format("meta skuid {} meta skgid {}", own.uid, own.gid); }

inline std::string exempt_rule(const exemption& own) { return fmt::format("    {} accept\n", sent_by(own)); }

/// "<key> & <mask> == <base>", the key being "meta mark" or "ct mark".
inline std::string has_our_mark(std::string_view key) { return fmt::format("{} & {:#x} == {:#x}", key, mark_mask, mark_base); }

/// One rule for each line of conditions of those that are wanted: `wanted(one)`, and behind the conditions `verdict(index, one)`.
template <class Wanted, class Verdict>
std::string rules(std::span<const interception> all, Wanted wanted, Verdict verdict, std::string_view protocol = "tcp") {
  std::string out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!wanted(all[i])) continue;
    for (const auto& c : conditions(all[i], protocol)) out += fmt::format("    {}{}\n", c, verdict(i, all[i]));
  }
  return out;
}

}  // namespace omnilink::interceptor
