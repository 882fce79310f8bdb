// Where programs are attached: directories of the version 2 hierarchy.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "io/descriptor.hpp"

namespace omnilink::interceptor::cgroup {

struct place {
  std::string path;        ///< below the hierarchy's root: "/app.slice"
  std::uint64_t id = 0;    ///< the kernel's: what bpf_get_current_cgroup_id() says
  io::descriptor directory;
};

/// Where the version 2 hierarchy is mounted; empty: nowhere.
std::string mount_point();

/// A path below the hierarchy's root or its mount point, or the name of a unit or slice wherever it is; empty: the root. The error is one
/// line with the remedy.
boost::system::result<place, std::string> find_place(const std::string& wanted);

/// This process's.
boost::system::result<place, std::string> own_place();
/// Another's, as far as this one sees it.
boost::system::result<place, std::string> place_of(std::uint32_t pid);

bool is_at_or_below(const std::string& path, const std::string& other) noexcept;

/// Nobody is in it but this process and its children.
bool is_ours_alone(const place& where);

/// When a process began, in clock ticks since the machine did (proc(5), stat); nullopt: there is none.
std::optional<std::uint64_t> begin_of(std::uint32_t pid);

/// bpf programs count processes in the first PID namespace.
bool in_first_pid_namespace();

}  // namespace omnilink::interceptor::cgroup
