// Where an intercepted connection wanted to go, as conntrack remembers it for a redirected socket.
#pragma once

#include <boost/system/result.hpp>

#include "core/endpoint.hpp"
#include "core/errc.hpp"

namespace omnilink::interceptor {

/// SO_ORIGINAL_DST or IP6T_SO_ORIGINAL_DST of an accepted socket, asked by its family; an IPv4 peer of an
/// IPv6 socket is asked as IPv4, and the answer is IPv4 then. Call it soon after accept(). Errors:
/// `not_redirected` when nothing rewrote the connection's destination, that is when somebody dialled the
/// listener itself; else as io::to_errc_from_errno.
boost::system::result<core::endpoint, core::errc> original_destination(int accepted_fd) noexcept;

}  // namespace omnilink::interceptor
