// From what the system and Asio report to core::errc.
#pragma once

#include <boost/system/error_code.hpp>

#include "core/errc.hpp"

namespace omnilink::io {

/// ECONNREFUSED -> refused, ETIMEDOUT -> timed_out, ENETUNREACH/EHOSTUNREACH -> unreachable, ECONNRESET/EPIPE
/// -> reset, ECANCELED -> canceled, Asio's eof -> closed_early, EACCES/EPERM -> permission_denied, else
/// io_failed.
core::errc to_errc(const boost::system::error_code& error) noexcept;
core::errc to_errc_from_errno(int system_errno) noexcept;

}  // namespace omnilink::io
