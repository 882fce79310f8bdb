#include "io/privileges.hpp"

#include <cap-ng.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace omnilink::io {
namespace {

// Only root has a bounding set to give up.
bool may_bound() noexcept { return capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) == 1; }

// Of these those that it has.
std::string keep(const std::vector<unsigned>& needed) {
  capng_get_caps_process();
  const bool bounded = may_bound();
  std::vector<unsigned> kept;
  for (const unsigned one : needed) {
    if (capng_have_capability(CAPNG_PERMITTED, one) == 1) kept.push_back(one);
  }
  // Somebody who has nothing else may not even be allowed to change that.
  unsigned held = 0;
  for (unsigned one = 0; one <= CAP_LAST_CAP; ++one) held += capng_have_capability(CAPNG_PERMITTED, one) == 1;
  if (held == kept.size()) return {};
  capng_clear(CAPNG_SELECT_BOTH);
  for (const unsigned one : kept) capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET), one);
  if (capng_apply(bounded ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) != 0) return std::string{"cannot give up capabilities: "} + std::strerror(errno);
  return {};
}

}  // namespace

bool may_change_network() noexcept {
  capng_get_caps_process();
  return capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) == 1;
}

bool may_read_processes() noexcept {
  capng_get_caps_process();
  return capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_PTRACE) == 1;
}

void keep_memory_private() noexcept { ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

std::string drop_all_privileges(std::uint32_t uid, std::uint32_t gid) {
  capng_get_caps_process();
  const bool bounded = may_bound();
  const bool changes = ::geteuid() != uid || ::getegid() != gid;
  // Likewise who has none.
  const bool any = capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE;
  capng_clear(CAPNG_SELECT_BOTH);
  if (changes && capng_change_id(static_cast<int>(uid), static_cast<int>(gid),
                                 static_cast<capng_flags_t>(CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT)) != 0) {
    return "cannot become user " + std::to_string(uid) + ", group " + std::to_string(gid) + ": " + std::strerror(errno) +
           "; start omnilink as root, with CAP_SETUID and CAP_SETGID, or set user in [service] to one that exists in this user namespace";
  }
  if (!changes && any && capng_apply(bounded ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) != 0) {
    return std::string{"cannot give up capabilities: "} + std::strerror(errno);
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return std::string{"prctl: "} + std::strerror(errno);
  }
  return {};
}

std::string keep_network_privileges(network_privileges more) {
  std::vector<unsigned> needed{CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_DAC_READ_SEARCH};
  if (more.workers) needed.insert(needed.end(), {CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_KILL, CAP_CHOWN});
  if (more.processes) needed.push_back(CAP_SYS_PTRACE);
  if (more.programs) needed.insert(needed.end(), {CAP_BPF, CAP_PERFMON});
  return keep(needed);
}

std::string keep_service_privileges(bool processes) {
  std::vector<unsigned> needed{CAP_NET_BIND_SERVICE, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH};
  if (processes) needed.push_back(CAP_SYS_PTRACE);
  return keep(needed);
}

}  // namespace omnilink::io
