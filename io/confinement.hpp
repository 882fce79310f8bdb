// What a process that reads bytes from outside may still ask of the kernel, should somebody take it over: a list of system calls
// (seccomp(2)) and of files (landlock(7)). For good, and for every thread that is started afterwards.
#pragma once

#include <span>
#include <string>

namespace omnilink::io {

/// From here on only the system calls that a running service makes. What starts programs, traces other processes, mounts, changes
/// namespaces or users, loads code into the kernel or opens a raw socket ends this process; everything else that is not on the list
/// fails with EPERM. Of bpf(2) only looking up in a map is left. `has_children`: it waits for some, and signals them. While there is
/// one thread. Empty: done.
std::string confine_system_calls(bool has_children);

struct file_access {
  std::span<const std::string> read;      ///< directories and files, with all that is below
  std::span<const std::string> sockets;   ///< directories in which unix sockets may be made and removed
};
/// From here on only these files; what is open stays so. Other processes' /proc entries that take the right to trace them cannot be
/// read any more. A kernel without Landlock changes nothing. Empty: done.
std::string confine_files(const file_access& to);

/// Why this kernel has no Landlock, and the remedy; empty: it has.
std::string why_no_landlock();

}  // namespace omnilink::io
