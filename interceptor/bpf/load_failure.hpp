// What the kernel and libbpf say when they refuse a program, in a line for people.
#pragma once

#include <mutex>
#include <string_view>

#include "interceptor/bpf/failure.hpp"

namespace omnilink::interceptor::bpf {

inline constexpr std::string_view fallback = "; a redirect listener needs no BPF";

/// Around a load: while this lives libbpf's lines are kept for load_failure(), and not printed. One at a time in a process, whose own
/// use of libbpf is left as it was.
class listening {
 public:
  listening();
  ~listening();
  listening(const listening&) = delete;
  listening& operator=(const listening&) = delete;

 private:
  std::scoped_lock<std::mutex> alone_;
  void (*before_)();
};

/// Behind a load, a map or a link that failed. `other_way`: ends the line with what to do instead.
failure load_failure(int system_errno, std::string_view other_way = fallback);

}  // namespace omnilink::interceptor::bpf
