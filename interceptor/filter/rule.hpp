// `[[rule]]`: the short way to write filters. Rules become filters of the default sublayer, the first one the
// heaviest. A redirect goes to the connect-redirect layers and so does not end the search; everything else
// goes to connect-auth and sees the changed destination.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "interceptor/filter/filter.hpp"

namespace omnilink::interceptor::filter {

/// The keys of `match`, in the order of the documentation.
std::span<const std::string_view> match_keys() noexcept;

struct rule {
  /// One key of `match` with its values as text: port, cidr, host, exe, process, uid, gid, pid, cgroup,
  /// protocol, netns, interface, listener, source (network), source_port, tag, time. Several values: any one
  /// of them.
  struct match {
    std::string key;
    std::vector<std::string> values;
  };
  std::string name;            ///< empty: "rule 3", by its place
  std::vector<match> matches;  ///< all must hold; none: every connection
  std::string action;  ///< direct, permit, block, reject, chain:NAME, redirect:HOST:PORT, callout:NAME
  bool enabled = true;
  interceptor::filter::on_change on_change = interceptor::filter::on_change::keep;
};

/// A string: what is wrong, in one line. In "redirect:HOST:PORT" an empty part stays as it is.
std::variant<action, std::string> parse_action(std::string_view text);

struct rule_filters {
  std::vector<filter> filters;  ///< without ids; an IPv4 and an IPv6 one where a rule is about both
  std::vector<std::string>
      errors;  ///< one line each, beginning with the rule's name; then there are no filters
};
/// What must be known of a callout that a rule names.
struct known_callout {
  std::string name;
  action_kind kind = action_kind::callout_unknown;  ///< of the filters that name it
  bool at_stream = false;                           ///< its place is the stream layer; else connect-auth
};
rule_filters filters_of(std::span<const rule> rules, std::string_view provider,
                        std::span<const known_callout> callouts = {});

}  // namespace omnilink::interceptor::filter
