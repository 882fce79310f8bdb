#include "io/connect.hpp"

#include <boost/asio/error.hpp>
#include <cerrno>

#include "io/address.hpp"
#include "io/descriptor_limit.hpp"

namespace omnilink::io {
namespace {

namespace asio = boost::asio;

boost::system::error_code of_errno(int system_errno) { return {system_errno, boost::system::system_category()}; }

}  // namespace

task<boost::system::error_code> connect(tcp_socket& socket, const core::endpoint& to) {
  if (!socket.is_open()) {
    descriptor fresh{::socket(to.address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!fresh) co_return of_errno(errno);
    socket.open(std::move(fresh));
  }
  if (in_descriptor_reserve(socket.native_handle())) co_return of_errno(EMFILE);
  sockaddr_storage where;
  const socklen_t size = to_sockaddr(to, where);
  if (::connect(socket.native_handle(), reinterpret_cast<const sockaddr*>(&where), size) == 0) co_return of_errno(0);
  if (errno != EINPROGRESS) co_return of_errno(errno);

  socket.known().exhausted(event::read);
  socket.known().exhausted(event::write);
  const core::errc waited = co_await socket.wait(event::write);
  if (waited == core::errc::canceled) co_return asio::error::operation_aborted;
  if (waited != core::errc::ok) co_return of_errno(ENOMEM);
  if (!socket.known().worth_a_try(event::error)) co_return of_errno(0);
  int outcome = 0;
  socklen_t outcome_size = sizeof outcome;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_ERROR, &outcome, &outcome_size) != 0) co_return of_errno(errno);
  co_return of_errno(outcome);
}

}  // namespace omnilink::io
