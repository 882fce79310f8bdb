// What omnilink has left in the kernel of this network namespace: for `doctor`, which names it, and `cleanup`, which removes it.
#pragma once

#include <string>
#include <vector>

namespace omnilink::interceptor {

struct trace {
  std::string what;     ///< "table inet omnilink_guard", "ip rule lookup 28524", the path of a folder
  std::string meaning;  ///< one line for people
  bool in_use = false;  ///< a running omnilink's
};

struct traces {
  std::vector<trace> found;
  std::string problem;  ///< not empty: nobody could look, and why
};

/// Needs CAP_NET_ADMIN.
traces find_traces();

/// Removes what no running omnilink uses; idempotent. Empty: done; otherwise what could not be removed.
std::string remove_traces(const traces& those);

}  // namespace omnilink::interceptor
