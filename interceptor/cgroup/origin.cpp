#include "interceptor/cgroup/origin.hpp"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "interceptor/cgroup/place.hpp"
#include "interceptor/cgroup/shared.h"
#include "io/error.hpp"

namespace omnilink::interceptor::cgroup {

core::address to_address(const std::uint32_t (&raw)[4]) noexcept {
  core::address::bytes_v6 bytes;
  std::memcpy(bytes.data(), raw, bytes.size());
  return core::address::v6(bytes).unmapped();
}

origin to_origin(const omnilink_origin& known) {
  static const bool first_pids = in_first_pid_namespace();
  origin out;
  out.destination = {to_address(known.address), static_cast<std::uint16_t>(known.port)};
  if (first_pids) out.program.pid = known.pid;
  out.program.uid = known.uid;
  out.program.gid = known.gid;
  out.program.process.assign(known.process, ::strnlen(known.process, sizeof known.process));
  return out;
}

boost::system::result<origin, core::errc> origin_of(int origins, int accepted_fd) noexcept {
  static const bool first_pids = in_first_pid_namespace();
  static const auto self = static_cast<std::uint32_t>(::getpid());
  omnilink_origin known{};
  bpf_attr what{};
  what.map_fd = static_cast<std::uint32_t>(origins);
  what.key = reinterpret_cast<std::uintptr_t>(&accepted_fd);
  what.value = reinterpret_cast<std::uintptr_t>(&known);
  if (::syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &what, sizeof what) != 0)
    return errno == ENOENT ? core::errc::not_redirected : io::to_errc_from_errno(errno);
  if (first_pids && known.pid == self) return core::errc::loop;
  return to_origin(known);
}

}  // namespace omnilink::interceptor::cgroup
