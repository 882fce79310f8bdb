#include "interceptor/sandbox_failure.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

namespace omnilink::interceptor {
namespace {

std::optional<long> sysctl_value(const char* path) {
  std::ifstream file{path};
  long value;
  if (file >> value) return value;
  return std::nullopt;
}

constexpr std::string_view apparmor_remedy =
    "AppArmor restricts user namespaces here: allow them to omnilink by a profile (\"userns,\" in "
    "/etc/apparmor.d/omnilink), or "
    "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";

constexpr std::string_view capabilities_remedy =
    "root needs CAP_SYS_ADMIN and CAP_NET_ADMIN for it; in a container: --cap-add SYS_ADMIN --cap-add "
    "NET_ADMIN";

bool apparmor_restricts() {
  return sysctl_value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1;
}

std::string namespace_limit_remedy() {
  for (const char* name : {"max_user_namespaces", "max_net_namespaces", "max_mnt_namespaces"}) {
    if (sysctl_value(fmt::format("/proc/sys/user/{}", name).c_str()) == 0) {
      return fmt::format("namespaces are switched off here: sysctl -w user.{}=15000", name);
    }
  }
  return "there are too many namespaces: raise user.max_user_namespaces and user.max_net_namespaces";
}

std::string unshare_remedy(int system_errno) {
  if (system_errno == ENOSPC) return namespace_limit_remedy();
  if (system_errno == EINVAL)
    return "the kernel lacks user, network or mount namespaces: use one with CONFIG_USER_NS and "
           "CONFIG_NET_NS";
  if (system_errno != EPERM && system_errno != EACCES) return "see unshare(2)";
  if (::geteuid() == 0) return std::string{capabilities_remedy};
  if (sysctl_value("/proc/sys/kernel/unprivileged_userns_clone") == 0) {
    return "user namespaces are root's alone here: sysctl -w kernel.unprivileged_userns_clone=1";
  }
  if (apparmor_restricts()) return std::string{apparmor_remedy};
  return "user namespaces are refused in a chroot and by the default seccomp profile of containers: run "
         "omnilink outside, or "
         "give the container a profile that allows unshare(2) (--security-opt seccomp=...)";
}

std::string remedy(std::string_view step, int system_errno) {
  if (system_errno == EMFILE || system_errno == ENFILE) return "raise ulimit -n";
  if (step == "unshare") return unshare_remedy(system_errno);
  if (step == "nft") {
    return "if the kernel lacks nf_tables, NAT or redirect, an admin can load them: "
           "modprobe -a nf_tables nft_chain_nat nft_redir nft_reject_inet";
  }
  if (system_errno == EAFNOSUPPORT) return "omnilink needs IPv6 in the kernel: boot without ipv6.disable=1";
  if (system_errno == EPERM || system_errno == EACCES) {
    // A missing capability is EPERM; what a security module refuses root is EACCES.
    if (::geteuid() == 0 && system_errno == EPERM) return std::string{capabilities_remedy};
    if (apparmor_restricts()) return std::string{apparmor_remedy};
    return "a security module or a container's profile seems to forbid it: run omnilink outside of it";
  }
  return {};
}

}  // namespace

install_failure sandbox_failure(std::string step, int system_errno, std::string_view detail) {
  std::string message{detail.empty() ? std::string_view{std::strerror(system_errno)} : detail};
  if (system_errno != 0) message += fmt::format(" (errno {})", system_errno);
  if (const std::string helps = remedy(step, system_errno); !helps.empty()) message += "; " + helps;
  return {std::move(step), system_errno, std::move(message)};
}

}  // namespace omnilink::interceptor
