// Where an intercepted connection wanted to go, as the kernel knows it.
#pragma once

#include <boost/system/result.hpp>

#include "core/capture.hpp"
#include "core/endpoint.hpp"
#include "core/errc.hpp"

namespace omnilink::interceptor {

/// Of an accepted socket whose own address is `local`, by exactly one way, since each gives a wrong answer for the other's connections (A4). redirect:
/// SO_ORIGINAL_DST or IP6T_SO_ORIGINAL_DST, asked by the socket's family; an IPv4 peer of an IPv6 socket is asked as IPv4, and the
/// answer is IPv4 then. Call it soon after accept(). tproxy, sk_lookup: `local`; of somebody who dialled the listener itself
/// that is the listener's. Errors: `not_redirected` when nothing rewrote the connection's destination, that is when somebody dialled
/// the listener itself; else as io::to_errc_from_errno.
boost::system::result<core::endpoint, core::errc> original_destination(int accepted_fd, const core::endpoint& local, core::mechanism by) noexcept;

/// Of a redirect listener's accepted socket: whether the connection is one that we have opened ourselves, which somebody's rules sent
/// back: netd tags it. Its source says nothing, since NAT may have given it a port that a connection of ours has as well. To be
/// asked once.
bool is_ours(int accepted_fd) noexcept;

}  // namespace omnilink::interceptor
