#include "interceptor/resolver.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <array>
#include <list>

#include "core/host_name.hpp"
#include "io/drive.hpp"
#include "io/log.hpp"
#include "io/stream.hpp"
#include "io/wait.hpp"
#include "wire/dns.hpp"

namespace omnilink::interceptor {
namespace asio = boost::asio;
namespace {

using asio::ip::tcp;
using asio::ip::udp;
constexpr auto plain_result = asio::as_tuple(asio::use_awaitable);

// Long enough for a client that asks twice, short enough that nothing keeps it longer than the program runs.
constexpr std::uint32_t ttl_seconds = 1;
// TCP clients of one sandbox at once; each holds a small buffer.
constexpr std::size_t tcp_clients_max = 64;
constexpr std::chrono::milliseconds accept_pause{100};
// Between two questions of a TCP client (RFC 7766 section 6.2.3 asks for seconds).
constexpr std::chrono::seconds tcp_idle{10};

std::vector<std::uint8_t> answer(nat::names& names, const wire::dns_query& query) {
  if (query.problem != wire::dns_rcode::no_error) return wire::dns_status(query, query.problem);
  if (query.qclass != wire::dns_class_in) return wire::dns_status(query, wire::dns_rcode::refused);
  const bool v4 = query.qtype == wire::dns_type_a;
  if (!v4 && query.qtype != wire::dns_type_aaaa) return wire::dns_status(query, wire::dns_rcode::no_error);
  if (!core::valid_host_name(query.name)) return wire::dns_status(query, wire::dns_rcode::no_error);
  const auto pair = names.assign(query.name);
  if (!pair) {
    io::log::at_most_once_a_second(io::log::level::error, "fake-addresses-used-up", {{"names", names.size()}});
    return wire::dns_status(query, wire::dns_rcode::server_failure);
  }
  return wire::dns_answer(query, v4 ? pair->v4 : pair->v6, ttl_seconds);
}

}  // namespace

struct resolver::impl : std::enable_shared_from_this<resolver::impl> {
  impl(asio::any_io_executor on, nat::names& known) : executor{std::move(on)}, names{known} {}

  void open_udp(io::descriptor& fd, const udp& protocol) {
    if (!fd) return;
    auto socket = std::make_shared<udp::socket>(executor, protocol, fd.release());
    boost::system::error_code ignored;
    socket->non_blocking(true, ignored);  // or Asio would wait in send_to()
    udp_sockets.push_back(socket);
    asio::co_spawn(executor, serve_udp(shared_from_this(), socket), asio::detached);
  }

  void open_tcp(io::descriptor& fd, const tcp& protocol) {
    if (!fd) return;
    auto acceptor = std::make_shared<tcp::acceptor>(executor, protocol, fd.release());
    acceptors.push_back(acceptor);
    asio::co_spawn(executor, accept_tcp(shared_from_this(), acceptor), asio::detached);
  }

  static asio::awaitable<void> serve_udp(std::shared_ptr<impl> self, std::shared_ptr<udp::socket> socket) {
    std::array<std::uint8_t, wire::dns_query_max> in;
    udp::endpoint asker;
    while (socket->is_open()) {
      const auto [error, size] = co_await socket->async_receive_from(asio::buffer(in), asker, plain_result);
      if (error == asio::error::operation_aborted || !socket->is_open()) break;
      if (error) continue;  // an ICMP error of an earlier answer
      const auto query = wire::parse_dns_query({in.data(), size});
      if (!query) continue;
      const auto out = answer(self->names, *query);
      boost::system::error_code ignored;
      socket->send_to(asio::buffer(out), asker, 0, ignored);  // a full buffer drops, as networks do
    }
  }

  static asio::awaitable<void> accept_tcp(std::shared_ptr<impl> self, std::shared_ptr<tcp::acceptor> acceptor) {
    while (acceptor->is_open()) {
      auto [error, socket] = co_await acceptor->async_accept(plain_result);
      if (error == asio::error::operation_aborted || !acceptor->is_open()) break;
      if (error) {
        // Out of descriptors, mostly: the queue stays readable, and nothing may spin on it.
        asio::steady_timer pause{self->executor, accept_pause};
        co_await pause.async_wait(plain_result);
      }
      if (error || self->clients.size() >= tcp_clients_max) continue;
      std::shared_ptr<io::stream> client = io::make_tcp_stream(io::tcp_socket{std::move(socket)});
      io::start(serve_tcp(self, client));
    }
  }

  static io::task<> serve_tcp(std::shared_ptr<impl> self, std::shared_ptr<io::stream> client) {
    const auto place = self->clients.insert(self->clients.end(), client);
    asio::steady_timer idle{self->executor};
    for (;;) {
      idle.expires_after(tcp_idle);
      idle.async_wait([client](const auto& error) {
        if (!error) client->close();
      });
      std::vector<std::uint8_t> message;
      auto script = wire::dns_read_message(message);
      const auto read = co_await io::drive(*client, script);
      if (read.code != core::errc::ok) break;
      const auto query = wire::parse_dns_query(message);
      if (!query) break;
      const auto out = wire::dns_framed(answer(self->names, *query));
      const auto written = co_await io::write_all(*client, out);
      if (!written.done()) break;
    }
    client->close();
    self->clients.erase(place);
  }

  void stop() noexcept {
    boost::system::error_code ignored;
    for (const auto& socket : udp_sockets) socket->close(ignored);
    for (const auto& acceptor : acceptors) acceptor->close(ignored);
    for (const auto& client : clients) client->close();
  }

  asio::any_io_executor executor;
  nat::names& names;
  std::vector<std::shared_ptr<udp::socket>> udp_sockets;
  std::vector<std::shared_ptr<tcp::acceptor>> acceptors;
  std::list<std::shared_ptr<io::stream>> clients;
};

resolver::resolver(asio::any_io_executor executor, nat::names& names)
    : impl_{std::make_shared<impl>(std::move(executor), names)} {}

resolver::~resolver() { stop(); }

void resolver::serve(installation& sockets) {
  impl_->open_udp(sockets.dns_udp_v4, udp::v4());
  impl_->open_udp(sockets.dns_udp_v6, udp::v6());
  impl_->open_tcp(sockets.dns_tcp_v4, tcp::v4());
  impl_->open_tcp(sockets.dns_tcp_v6, tcp::v6());
}

void resolver::stop() noexcept { impl_->stop(); }

}  // namespace omnilink::interceptor
