// A capture's conditions in nft's words. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/capture.hpp"

namespace omnilink::interceptor {

/// "{ 80, 443 }", which is never empty.
std::string port_set(std::vector<core::port_range> ports);

/// What a connection meets that the capture takes: one line for each address family that is named, one for both where none is. Each
/// ends with a blank, for the verdict behind it.
std::vector<std::string> conditions(const core::capture& what, std::string_view protocol = "tcp");

}  // namespace omnilink::interceptor
