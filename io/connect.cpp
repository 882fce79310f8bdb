#include "io/connect.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

#include "io/address.hpp"
#include "io/descriptor_limit.hpp"

namespace omnilink::io {
namespace {

namespace asio = boost::asio;

boost::system::error_code of_errno(int system_errno) { return {system_errno, boost::system::system_category()}; }

}  // namespace

asio::awaitable<boost::system::error_code> connect(asio::ip::tcp::socket& socket, const core::endpoint& to) {
  boost::system::error_code error;
  socket.open(to.address.is_v4() ? asio::ip::tcp::v4() : asio::ip::tcp::v6(), error);
  if (!error) socket.non_blocking(true, error);
  if (error) co_return error;
  if (in_descriptor_reserve(socket.native_handle())) co_return of_errno(EMFILE);
  sockaddr_storage where;
  const socklen_t size = to_sockaddr(to, where);
  if (::connect(socket.native_handle(), reinterpret_cast<const sockaddr*>(&where), size) == 0) co_return error;
  if (errno != EINPROGRESS) co_return of_errno(errno);

  const auto [waited] = co_await socket.async_wait(asio::ip::tcp::socket::wait_write, asio::as_tuple(asio::use_awaitable));
  if (waited) co_return waited;
  int outcome = 0;
  socklen_t outcome_size = sizeof outcome;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_ERROR, &outcome, &outcome_size) != 0) co_return of_errno(errno);
  co_return of_errno(outcome);
}

}  // namespace omnilink::io
