// Whether a tproxy listener would work here.
#pragma once

#include <string>

namespace omnilink::interceptor {

/// Takes a connection in this process's network namespace, which must be a fresh one. Empty: it came, in both families where there are
/// two; otherwise what is missing and the remedy.
std::string try_tproxy();

}  // namespace omnilink::interceptor
