// netd as a service of its own: the worker is another one, which connects to its socket, and may come back.
#pragma once

#include <boost/system/result.hpp>
#include <string>

#include "cli/netd_parent.hpp"

namespace omnilink::cli {

/// The socket on which the worker is waited for: the one that systemd hands over (sd_listen_fds(3)), or a fresh one at `path`, which
/// is then `owner`'s alone.
boost::system::result<io::descriptor, std::string> netd_socket(const std::string& path, const service_user& owner);

/// Until TERM or INT. `signals`: these, blocked and readable. Returns the exit code.
int run_netd(const netd_options& options, const io::descriptor& signals, const io::descriptor& socket);

}  // namespace omnilink::cli
