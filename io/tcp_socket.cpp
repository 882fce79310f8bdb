#include "io/tcp_socket.hpp"

#include <boost/asio/execution/context.hpp>
#include <boost/asio/query.hpp>

namespace omnilink::io {
namespace {

namespace asio = boost::asio;
descriptor release(asio::ip::tcp::socket& from) {
  boost::system::error_code ignored;
  from.non_blocking(true, ignored);
  return descriptor{from.release(ignored)};
}

}  // namespace

asio::io_context& context_of(const asio::any_io_executor& executor) noexcept {
  return static_cast<asio::io_context&>(asio::query(executor, asio::execution::context));
}

tcp_socket::tcp_socket(asio::io_context& context, descriptor fd) : context_{&context} { open(std::move(fd)); }

tcp_socket::tcp_socket(asio::ip::tcp::socket from) : tcp_socket{context_of(from.get_executor()), release(from)} {}

void tcp_socket::open(descriptor fd) {
  close();
  if (!fd) return;
  known_ = readiness::make(*context_);
  fd_ = std::move(fd);
}

void tcp_socket::close() noexcept {
  fd_.reset();
  known_.reset();
}

void tcp_socket::cancel() noexcept {
  if (known_) known_->cancel();
}

void tcp_socket::wait(event what, waiter& who) { known_->wait(fd_.get(), what, who); }

}  // namespace omnilink::io
