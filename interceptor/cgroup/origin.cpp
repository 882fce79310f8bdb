#include "interceptor/cgroup/origin.hpp"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "interceptor/cgroup/place.hpp"
#include "interceptor/cgroup/shared.h"
#include "io/error.hpp"

namespace omnilink::interceptor::cgroup {
namespace {

template <class Key, class Value>
bool look_up(int map, const Key& key, Value& into) noexcept {
  bpf_attr what{};
  what.map_fd = static_cast<std::uint32_t>(map);
  what.key = reinterpret_cast<std::uintptr_t>(&key);
  what.value = reinterpret_cast<std::uintptr_t>(&into);
  return ::syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &what, sizeof what) == 0;
}

// "curl", "bin", "usr", each with its null.
std::string to_path(const omnilink_exe_path& from) {
  std::string out;
  std::string_view names{from.names, std::min<std::size_t>(from.size, sizeof from.names)};
  while (!names.empty()) {
    const std::size_t end = std::min(names.find('\0'), names.size() - 1);
    out.insert(0, names.substr(0, end)).insert(0, 1, '/');
    names.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace

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
  out.cgroup = known.cgroup;
  return out;
}

boost::system::result<origin, core::errc> origin_of(int origins, int exe_paths, int accepted_fd) noexcept {
  static const bool first_pids = in_first_pid_namespace();
  static const auto self = static_cast<std::uint32_t>(::getpid());
  omnilink_origin known{};
  if (!look_up(origins, accepted_fd, known)) return errno == ENOENT ? core::errc::not_redirected : io::to_errc_from_errno(errno);
  if (first_pids && known.pid == self) return core::errc::loop;
  origin out = to_origin(known);
  omnilink_exe_path exe{};
  if (look_up(exe_paths, known.cookie, exe)) out.program.exe = to_path(exe);
  return out;
}

}  // namespace omnilink::interceptor::cgroup
