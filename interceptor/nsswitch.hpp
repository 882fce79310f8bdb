// Which of the C library's ways to find a host a program in the sandbox may use. Pure.
#pragma once

#include <string>
#include <string_view>

namespace omnilink::interceptor {

/// The text of nsswitch.conf(5) with the `hosts` line cut down to `files`, `myhostname` and `dns`, in their
/// order, and `dns` added where it was missing. The other modules ask a daemon of the host, which would see
/// the name and answer with real addresses. Without a `hosts` line the C library's own default is the same.
std::string with_hosts_from_dns(std::string_view nsswitch);

}  // namespace omnilink::interceptor
