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
  std::vector<int> descriptors;  ///< without 0, 1 and 2; neither FRONT nor the MONITOR may keep them open
};

/// Away from the files that are the command's alone: who reads or writes their other ends waits for the
/// command, not for us. From 0 to `last_stream` /dev/null takes their place.
void leave_files(const exec_inheritance& inherited, int last_stream);

/// The MONITOR's life, in a process that FRONT forked, with its signals blocked; the value is its exit code.
int run_monitor(const exec_options& options, const start_service& start, const exec_inheritance& inherited,
                exec_channel channel);

}  // namespace omnilink::cli
