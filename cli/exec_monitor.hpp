// The MONITOR of `omnilink exec`: makes the sandbox, runs the service, reaps, and stays while anything from
// the sandbox lives.
#pragma once

#include <csignal>
#include <vector>

#include "cli/exec_channel.hpp"
#include "cli/exec_front.hpp"

namespace omnilink::cli {

/// What the command has to find as it was when exec began.
struct exec_inheritance {
  sigset_t signal_mask{};
  bool ignores_sigchld = false;
  std::vector<int> descriptors;  ///< without 0, 1 and 2; the MONITOR must not keep them open
};

/// The MONITOR's life, in a process that FRONT forked, with its signals blocked; the value is its exit code.
int run_monitor(const exec_options& options, const start_service& start, const exec_inheritance& inherited,
                exec_channel channel);

}  // namespace omnilink::cli
