// Whether the service could lock itself in here (io/confinement). Both lock the calling process in, which is to end then.
#pragma once

#include <string>

namespace omnilink::interceptor {

/// Empty: what is not on the list of system calls fails; otherwise why it does not, and the remedy.
std::string try_system_call_list();
/// Empty: what is not on the list of files cannot be read; otherwise likewise.
std::string try_file_list();

}  // namespace omnilink::interceptor
