// Telling whoever started us that we are ready: a file descriptor for tests and supervisors, and systemd's
// socket.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/endpoint.hpp"

namespace omnilink::cli {

/// One line "127.0.0.1:1080\n" per listener, then closes `fd`. Empty: done; otherwise what went wrong.
std::string write_ready(int fd, const std::vector<core::endpoint>& listening);

/// sd_notify(3) is one datagram to $NOTIFY_SOCKET: "READY=1". Nothing happens when there is none.
void notify_supervisor(std::string_view state);

}  // namespace omnilink::cli
