#include "io/error.hpp"

#include <boost/asio/error.hpp>
#include <cerrno>

namespace omnilink::io {

using core::errc;

errc to_errc(const boost::system::error_code& error) noexcept {
  if (!error) return errc::ok;
  if (error == boost::asio::error::eof) return errc::closed_early;
  if (error.category() == boost::asio::error::get_netdb_category()) {
    const bool unknown = error == boost::asio::error::host_not_found || error == boost::asio::error::no_data;
    return unknown ? errc::name_not_found : errc::resolve_failed;
  }
  if (error.category() == boost::system::system_category() ||
      error.category() == boost::system::generic_category()) {
    return to_errc_from_errno(error.value());
  }
  return errc::io_failed;
}

errc to_errc_from_errno(int system_errno) noexcept {
  switch (system_errno) {
    case 0:
      return errc::ok;
    case ECONNREFUSED:
      return errc::refused;
    case ETIMEDOUT:
      return errc::timed_out;
    case ENETUNREACH:
    case EHOSTUNREACH:
      return errc::unreachable;
    case ECONNRESET:
    case EPIPE:
      return errc::reset;
    case ECANCELED:
      return errc::canceled;
    case EACCES:
    case EPERM:
      return errc::permission_denied;
    default:
      return errc::io_failed;
  }
}

}  // namespace omnilink::io
