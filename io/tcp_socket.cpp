#include "io/tcp_socket.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

namespace omnilink::io {
namespace {

namespace asio = boost::asio;
using resumption = asio::async_result<asio::use_awaitable_t<>, void(core::errc)>::handler_type;

// A coroutine's wait.
class suspended final : public waiter {
 public:
  void begin(resumption&& rest) { rest_.emplace(std::move(rest)); }

 private:
  // The coroutine's frame has this object in it.
  void ready(core::errc outcome) override {
    auto rest = std::move(*rest_);
    std::move(rest)(outcome);
  }
  void abandon() noexcept override { const auto rest = std::move(*rest_); }

  std::optional<resumption> rest_;
};

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

asio::awaitable<core::errc> tcp_socket::wait(event what) {
  if (!is_open()) co_return core::errc::canceled;
  suspended here;
  const auto begin = [&](resumption&& rest) {
    here.begin(std::move(rest));
    wait(what, here);
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(core::errc)>(begin, asio::use_awaitable);
}

}  // namespace omnilink::io
