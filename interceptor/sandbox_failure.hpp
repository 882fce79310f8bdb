// What to tell people when the sandbox cannot be made: the cause, and what would help on this machine.
#pragma once

#include <string>
#include <string_view>

#include "interceptor/installer.hpp"

namespace omnilink::interceptor {

/// The message is "<detail, or what the errno means> (errno n); <remedy>"; the remedy is chosen by step,
/// errno and what this kernel's sysctls say.
install_failure sandbox_failure(std::string step, int system_errno, std::string_view detail = {});

}  // namespace omnilink::interceptor
