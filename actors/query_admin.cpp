// admin.sock: one request line, one JSON line back.
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "actors/admin_reply.hpp"
#include "actors/administration.hpp"
#include "actors/asker_session.hpp"
#include "actors/control.hpp"
#include "wire/admin.hpp"

namespace omnilink::actors {
namespace {

namespace asio = boost::asio;

asio::awaitable<void> converse(control& home, asker_session& one) {
  auto& socket = one.socket;
  wire::admin_request request;
  std::string problem;
  auto script = wire::admin_read_request(request, problem);
  while (!script.done()) {
    std::array<std::uint8_t, 512> in;
    const auto [error, size] = co_await socket.async_read_some(asio::buffer(in), plain_result);
    if (error) co_return;
    for (std::size_t taken = 0; taken < size && !script.done();) taken += script.feed({in.data() + taken, size - taken});
  }
  const bool understood = script.result() == core::errc::ok;
  administration all{home};
  administration::outcome came;
  if (understood) {
    came = co_await all.act(request);
  } else {
    came.reply = reply_error(problem);
  }
  co_await asio::async_write(socket, asio::buffer(came.reply), plain_result);
  // The end closes this socket as well: the answer comes first.
  if (understood) all.conclude(request);
}

}  // namespace

asio::awaitable<void> serve_admin(control& home, std::shared_ptr<asker_session> one) {
  co_await converse(home, *one);
}

}  // namespace omnilink::actors
