// Why a program of ours is not in the kernel.
#pragma once

#include <string>

namespace omnilink::interceptor::bpf {

struct failure {
  int system_errno = 0;
  std::string message;  ///< cause and remedy, one line
};

}  // namespace omnilink::interceptor::bpf
