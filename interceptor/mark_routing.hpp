// The policy routing that a tproxy listener needs (mark.hpp). Belongs to no process: it outlives a killed one, harmless without marks,
// and is removed at the next start, or by `omnilink cleanup`.
#pragma once

#include <string>
#include <vector>

namespace omnilink::interceptor {

/// In place of what is there, of whichever version. 0, or an errno.
int install_mark_routing(bool with_v6) noexcept;
/// All of it; idempotent. 0, or an errno.
int remove_mark_routing() noexcept;
/// What of it is there, in the words of ip(8).
std::vector<std::string> find_mark_routing();

}  // namespace omnilink::interceptor
