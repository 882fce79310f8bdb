#include "io/privileges.hpp"

#include <cap-ng.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace omnilink::io {
namespace {

// Only root has a bounding set to give up.
bool may_bound() noexcept { return capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) == 1; }

}  // namespace

bool may_change_network() noexcept {
  capng_get_caps_process();
  return capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) == 1;
}

void keep_memory_private() noexcept { ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

std::string drop_all_privileges(std::uint32_t uid, std::uint32_t gid) {
  capng_get_caps_process();
  const bool bounded = may_bound();
  const bool changes = ::geteuid() != uid || ::getegid() != gid;
  capng_clear(CAPNG_SELECT_BOTH);
  if (changes && capng_change_id(static_cast<int>(uid), static_cast<int>(gid),
                                 static_cast<capng_flags_t>(CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT)) != 0) {
    return "cannot become user " + std::to_string(uid) + ", group " + std::to_string(gid) + ": " + std::strerror(errno) +
           "; start omnilink as root, with CAP_SETUID and CAP_SETGID, or set user in [service] to one that exists in this user namespace";
  }
  if (!changes && capng_apply(bounded ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) != 0) {
    return std::string{"cannot give up capabilities: "} + std::strerror(errno);
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return std::string{"prctl: "} + std::strerror(errno);
  }
  return {};
}

std::string keep_network_privileges(network_privileges more) {
  capng_get_caps_process();
  const bool bounded = may_bound();
  constexpr unsigned needed[] = {CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_DAC_READ_SEARCH, CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_KILL, CAP_CHOWN, CAP_SYS_PTRACE, CAP_BPF, CAP_PERFMON};
  bool has[std::size(needed)];
  for (std::size_t i = 0; i < std::size(needed); ++i) has[i] = capng_have_capability(CAPNG_PERMITTED, needed[i]) == 1;
  capng_clear(CAPNG_SELECT_BOTH);
  for (std::size_t i = 0; i < std::size(needed); ++i) {
    const bool of_programs = needed[i] == CAP_BPF || needed[i] == CAP_PERFMON;
    if (!has[i] || (needed[i] == CAP_SYS_PTRACE && !more.processes) || (of_programs && !more.programs)) continue;
    capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET), needed[i]);
  }
  if (capng_apply(bounded ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) != 0) return std::string{"cannot give up capabilities: "} + std::strerror(errno);
  return {};
}

}  // namespace omnilink::io
