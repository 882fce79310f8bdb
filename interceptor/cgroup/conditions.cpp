#include "interceptor/cgroup/conditions.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "core/nearest_word.hpp"
#include "interceptor/bpf/network_key.hpp"
#include "interceptor/bpf/port_bits.hpp"
#include "interceptor/cgroup/place.hpp"
#include "interceptor/cgroup/shared.h"
#include "io/accept.hpp"
#include "io/address.hpp"
#include "io/descriptor.hpp"
#include "io/host_addresses.hpp"
// Last: it knows the types of shared.h by their names only.
#include "interceptor/cgroup/connect.skel.h"

namespace omnilink::interceptor::cgroup {
namespace {

template <class Key, class Value>
bool set(const bpf_map* map, const Key& key, const Value& value) {
  return bpf_map_update_elem(bpf_map__fd(map), &key, &value, BPF_ANY) == 0;
}

constexpr __u8 yes = 1;

// By which address this machine would reach others. Nothing is sent.
core::address source_of(const core::address& far) {
  const io::descriptor probe{::socket(far.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_storage name;
  constexpr std::uint16_t any_port = 9;
  const socklen_t size = io::to_sockaddr({far, any_port}, name);
  if (!probe || ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) return {};
  return io::bound_address(probe.get()).address;
}

__u32 conditions_of(const core::capture& c) {
  __u32 out = 0;
  if (!c.ports.empty()) out |= OMNILINK_PORTS;
  if (!c.networks.empty()) out |= OMNILINK_NETWORKS;
  if (!c.uids.empty()) out |= OMNILINK_UIDS;
  if (!c.gids.empty()) out |= OMNILINK_GIDS;
  if (!c.executables.empty()) out |= OMNILINK_EXES;
  if (!c.processes.empty()) out |= OMNILINK_PROCESSES;
  if (!c.pids.empty()) out |= OMNILINK_PIDS;
  if (!c.rewrites.empty()) out |= OMNILINK_REWRITES;
  return out;
}

// The kernel's files have their device as dev_t of the kernel, not of stat(2).
std::optional<omnilink_exe> file_of(const std::string& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0) return std::nullopt;
  constexpr unsigned minor_bits = 20;
  return omnilink_exe{static_cast<__u64>(major(about.st_dev)) << minor_bits | minor(about.st_dev), about.st_ino};
}

std::optional<failure> fill_programs(const core::capture& c, const connect_programs& p) {
  for (const auto& path : c.executables) {
    const auto file = file_of(path);
    if (!file) return failure{errno, "exe " + core::quoted(path) + ": " + std::strerror(errno)};
    if (!set(p.maps.exes, *file, yes)) return failure{errno, "exe: " + std::string{std::strerror(errno)}};
  }
  for (const auto& name : c.processes) {
    std::array<char, OMNILINK_PROCESS_NAME> key{};
    std::ranges::copy(name, key.begin());
    if (!set(p.maps.processes, key, yes)) return failure{errno, "process: " + std::string{std::strerror(errno)}};
  }
  if (!c.pids.empty() && !in_first_pid_namespace())
    return failure{EINVAL, "pid: the kernel counts processes in the first PID namespace, which this is not; use cgroup or exe"};
  for (const std::uint32_t pid : c.pids) {
    const auto begin = begin_of(pid);
    if (!begin) return failure{ESRCH, "pid: there is no process " + std::to_string(pid)};
    if (!set(p.maps.pids, pid, *begin)) return failure{errno, "pid: " + std::string{std::strerror(errno)}};
  }
  return std::nullopt;
}

}  // namespace

void set_constants(const core::capture& c, connect_programs& p) {
  auto& capture = p.rodata->capture;
  capture.conditions = conditions_of(c);
  capture.deny = c.deny;
  // Any addresses that are far away.
  __u32 source[4];
  bpf::put(source_of(*core::address::parse("203.0.113.1")), source);
  capture.source_v4 = source[3];
  bpf::put(source_of(*core::address::parse("2001:db8::1")), source);
  if (source[2] != htonl(0xffff)) std::ranges::copy(source, capture.source_v6);
  bpf::set_bits(c.ports, p.rodata->ports);
}

std::optional<failure> fill_maps(const core::capture& c, const connect_programs& p) {
  fill_own_addresses(c, p);
  bool good = true;
  for (const auto& n : c.networks) good = good && set(p.maps.networks, bpf::key_of(n), yes);
  for (const std::uint32_t id : c.uids) good = good && set(p.maps.uids, id, yes);
  for (const std::uint32_t id : c.gids) good = good && set(p.maps.gids, id, yes);
  for (const auto& r : c.rewrites) good = good && set(p.maps.rewrites, r.from, r.to);
  if (!good) return failure{errno, std::string{"the conditions of a capture: "} + std::strerror(errno)};
  return fill_programs(c, p);
}

void fill_own_addresses(const core::capture& c, const connect_programs& p) {
  if (!c.networks.empty()) return;
  for (const char* always : {"127.0.0.0/8", "0.0.0.0/32", "::1/128", "::/128"}) set(p.maps.networks, bpf::key_of(*core::cidr::parse(always)), yes);
  for (const auto& own : io::host_addresses()) set(p.maps.networks, bpf::key_of(own), yes);
}

}  // namespace omnilink::interceptor::cgroup
