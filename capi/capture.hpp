// What a caller wants to have taken.
#pragma once

#include <string>
#include <string_view>

#include "core/capture.hpp"

namespace omnilink::capi {

/// "pid=4711&port=80,443", as in the URL of a cgroup listener. Empty: done; otherwise what is wrong, in one line.
std::string read_capture(std::string_view text, core::capture& into);

}  // namespace omnilink::capi
