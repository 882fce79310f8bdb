// What the kernel and libbpf say when they refuse a program, in a line for people.
#pragma once

#include <string_view>

#include "interceptor/bpf/failure.hpp"

namespace omnilink::interceptor::bpf {

inline constexpr std::string_view fallback = "; a redirect listener needs no BPF";

/// Before a load: from here on libbpf's lines are kept for load_failure(), and not printed.
void listen_to_libbpf();

/// Behind a load, a map or a link that failed.
failure load_failure(int system_errno);

}  // namespace omnilink::interceptor::bpf
