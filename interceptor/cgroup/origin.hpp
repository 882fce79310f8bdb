// What the hooks know of an accepted connection.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>

#include "core/endpoint.hpp"
#include "core/errc.hpp"
#include "core/program.hpp"

struct omnilink_origin;  // of shared.h

namespace omnilink::interceptor::cgroup {

struct origin {
  core::endpoint destination;
  core::program program;    ///< pid, uid, gid, exe, process: as they were at connect(), whatever became of the process
  std::uint64_t cgroup = 0; ///< its id
};

/// `origins` and `exe_paths`: the hooks' maps. Errors: `not_redirected`, somebody dialled the listener itself; `loop`, it was this process; else as
/// io::to_errc_from_errno. Needs no privileges.
boost::system::result<origin, core::errc> origin_of(int origins, int exe_paths, int accepted_fd) noexcept;

/// As the programs in the kernel have it.
origin to_origin(const omnilink_origin& known);
core::address to_address(const std::uint32_t (&raw)[4]) noexcept;

}  // namespace omnilink::interceptor::cgroup
