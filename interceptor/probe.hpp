// What this kernel and these privileges allow, found by trying it in a process that ends at once and a network namespace that goes
// with it: nothing of the host's is touched.
#pragma once

#include <string>
#include <vector>

namespace omnilink::interceptor {

struct finding {
  std::string subject;  ///< "exec: a sandbox of its own"
  bool good = false;
  std::string detail;   ///< what was found, and where it is not good the remedy; one line
};

/// While this process has one thread.
std::vector<finding> probe_kernel();

}  // namespace omnilink::interceptor
