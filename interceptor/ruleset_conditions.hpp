// A capture's conditions in nft's words. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/capture.hpp"
#include "interceptor/ruleset_capture.hpp"

namespace omnilink::interceptor {

/// "{ 80, 443 }", which is never empty.
std::string port_set(std::vector<core::port_range> ports);

/// What a connection meets that is taken: it meets one of these lines. Each ends with a blank, for the verdict behind it. None: the
/// cgroup that is meant is not there.
std::vector<std::string> conditions(const interception& of, std::string_view protocol = "tcp");

}  // namespace omnilink::interceptor
