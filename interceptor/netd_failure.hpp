// What to tell people when netd cannot do what was asked: the cause, and what would help.
#pragma once

#include <string>
#include <string_view>

#include "wire/netd_messages.hpp"

namespace omnilink::interceptor {

/// The message is "<detail, or what the errno means>; <remedy>".
wire::netd_refusal netd_failure(std::string step, int system_errno, std::string_view detail = {});

}  // namespace omnilink::interceptor
