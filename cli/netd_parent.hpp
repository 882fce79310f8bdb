// `omnilink run` where the kernel's rules are needed: this process becomes netd, which keeps its privileges and touches no
// payload; the service runs in a child without any, and is started again when it dies.
#pragma once

#include <functional>

#include "cli/service_user.hpp"
#include "interceptor/netd.hpp"
#include "io/descriptor.hpp"
#include "io/log.hpp"
#include "io/privileges.hpp"

namespace omnilink::cli {

/// The service: in a process of its own, on one thread so far, still with privileges. `channel` leads to netd; `again`: its
/// predecessor died. Returns the exit code.
using worker_main = std::function<int(io::descriptor channel, bool again)>;

struct netd_options {
  service_user worker;
  io::log_config log;
  interceptor::netd::config_files files;
  io::network_privileges keeps;  ///< what it needs beyond rules
  io::descriptor ready;  ///< the worker's to write to, and to be closed here once it has been started; may be empty
};

/// `signals`: TERM, INT, HUP and CHLD, blocked and readable. Returns the exit code.
int run_as_netd(netd_options options, const io::descriptor& signals, const worker_main& worker);

}  // namespace omnilink::cli
