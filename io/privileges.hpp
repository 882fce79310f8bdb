// What this process may do beyond an ordinary one (capabilities(7)), and giving it up. While there is one thread.
#pragma once

#include <cstdint>
#include <string>

namespace omnilink::io {

/// Whether this process may change the rules of its network namespace (CAP_NET_ADMIN).
bool may_change_network() noexcept;

/// Whether it may see what files every process has open (CAP_SYS_PTRACE).
bool may_read_processes() noexcept;

/// No core dump of this process, and no debugger of the same user's: there are credentials in its memory.
void keep_memory_private() noexcept;

/// For good: becomes that user and group without others, without any capability, and with no way to gain one by execve
/// (no_new_privs). A process that is not root keeps its user and group; they must be its own. Empty: done.
std::string drop_all_privileges(std::uint32_t uid, std::uint32_t gid);

struct network_privileges {
  bool processes = false;  ///< to see what files every process has open (the kernel's right for that is CAP_SYS_PTRACE)
  bool programs = false;   ///< to load programs into the kernel
  bool workers = false;    ///< to start workers as another user, and to signal them
};

/// Keeps what netd needs: to change the network's rules, to open low ports, to read a configuration again that it could read
/// at the start; and these. Empty: done.
std::string keep_network_privileges(network_privileges more);

/// Keeps of root's what a service without netd needs: low ports, files of a configuration and the directory of its sockets, whoever
/// owns them; `processes` as above. Whoever is not root has none to lose. Empty: done.
std::string keep_service_privileges(bool processes);

}  // namespace omnilink::io
