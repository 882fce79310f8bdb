#include "cli/demo_world.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <cstring>
#include <vector>

#include "interceptor/explicit.hpp"
#include "io/accept.hpp"
#include "io/certificate.hpp"
#include "io/connect.hpp"
#include "io/deadlines.hpp"
#include "io/drive.hpp"
#include "io/relay.hpp"
#include "io/tls.hpp"
#include "io/wait.hpp"

namespace omnilink::cli {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using interceptor::listen_kind;
constexpr auto plain_result = asio::as_tuple(asio::use_awaitable);

// What travels up the events pipe first: the ports.
struct ports {
  std::uint16_t socks5, http, https;
};

struct hop_role {
  std::string label;  ///< "hop 0  socks5"
  listen_kind kind;
  bool tls;
};

// Runs in the process of its own; one thread, one of everything.
class world {
 public:
  world(int events, std::unique_ptr<io::tls_context> tls) : events_{events}, tls_{std::move(tls)} {}

  void run(int life) {
    tcp::acceptor origin = listen(), socks5 = listen(), http = listen(), https = listen();
    origin_ = {core::address::v4(INADDR_LOOPBACK), origin.local_endpoint().port()};
    const ports opened{socks5.local_endpoint().port(), http.local_endpoint().port(), https.local_endpoint().port()};
    write_all(&opened, sizeof opened);
    asio::co_spawn(io_, accept_origin(std::move(origin)), asio::detached);
    asio::co_spawn(io_, accept_hop(std::move(socks5), {"hop 0  socks5", listen_kind::socks5, false}), asio::detached);
    asio::co_spawn(io_, accept_hop(std::move(http), {"hop 1  http", listen_kind::http, false}), asio::detached);
    asio::co_spawn(io_, accept_hop(std::move(https), {"hop 2  https", listen_kind::http, true}), asio::detached);
    asio::posix::stream_descriptor parent{io_, life};
    parent.async_wait(asio::posix::stream_descriptor::wait_read, [this](const auto&) { io_.stop(); });
    io_.run();
  }

 private:
  tcp::acceptor listen() { return {io_, tcp::endpoint{asio::ip::address_v4::loopback(), 0}}; }

  void write_all(const void* data, std::size_t size) { [[maybe_unused]] const auto n = ::write(events_, data, size); }
  void say(const std::string& line) { write_all((line + "\n").data(), line.size() + 1); }

  asio::awaitable<void> accept_origin(tcp::acceptor acceptor) {
    for (;;) {
      auto [error, socket] = co_await acceptor.async_accept(plain_result);
      if (error) co_return;
      io::start(serve_origin(std::move(socket)));
    }
  }

  asio::awaitable<void> accept_hop(tcp::acceptor acceptor, hop_role role) {
    for (;;) {
      auto [error, socket] = co_await acceptor.async_accept(plain_result);
      if (error) co_return;
      io::start(serve_hop(std::move(socket), role));
    }
  }

  io::task<> serve_origin(tcp::socket socket) {
    const std::string from = io::peer_address(socket.native_handle()).to_string();
    auto client = io::make_tcp_stream(io::tcp_socket{std::move(socket)});
    std::array<std::uint8_t, 4096> in;
    const auto got = co_await io::read_some(*client, in);
    if (!got.done()) co_return;
    const std::string request{in.begin(), in.begin() + static_cast<std::ptrdiff_t>(got.count)};
    say("origin         got \"" + request.substr(0, request.find('\r')) + "\" from " + from);
    const std::string text = "hello from " + std::string{demo_origin_name} + "\n";
    const std::string reply = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(text.size()) +
                              "\r\nConnection: close\r\n\r\n" + text;
    co_await io::write_all(*client, {reinterpret_cast<const std::uint8_t*>(reply.data()), reply.size()});
    co_await interceptor::linger(*client);
  }

  io::task<> serve_hop(tcp::socket socket, hop_role role) {
    auto client = io::make_tcp_stream(io::tcp_socket{std::move(socket)});
    if (role.tls) {
      client = io::make_tls_stream(std::move(client), *tls_);
      const auto secured = co_await io::tls_handshake(*client);
      if (secured.code != core::errc::ok) co_return;
    }
    const auto request = co_await interceptor::read_request(*client, role.kind, nullptr);
    core::verdict outcome;
    outcome.code = request.http ? core::errc::bad_command : request.code;
    io::tcp_socket upstream{io_};
    if (outcome.ok()) {
      say(role.label + std::string(15 - role.label.size(), ' ') + "asked for " + request.destination.to_string() +
          (role.tls ? " (inside TLS)" : ""));
      const bool by_name = request.destination.name == demo_origin_name;
      if (request.destination.is_name() && !by_name && request.destination.name != "localhost") {
        outcome.code = core::errc::name_not_found;
      } else {
        const core::endpoint to = by_name ? origin_ : core::endpoint{core::address::v4(INADDR_LOOPBACK), request.destination.port};
        const auto error = co_await io::connect(upstream, to);
        if (error) outcome.code = core::errc::refused;
      }
    }
    if (request.reply_due) co_await interceptor::answer(*client, request, outcome, false);
    if (!outcome.ok()) co_return;
    auto next = io::make_tcp_stream(std::move(upstream));
    io::relay_counters counters;
    const io::relay_options options{std::chrono::minutes{1}, std::chrono::minutes{1}};
    co_await io::relay(*client, *next, buffer_, pipes_, deadlines_, options, counters);
  }

  int events_;
  asio::io_context io_{1};
  io::deadlines deadlines_{io_.get_executor()};
  io::relay_buffer buffer_;
  io::pipe_pool pipes_;
  std::unique_ptr<io::tls_context> tls_;
  core::endpoint origin_;
};

// The certificates' way to the hop that trusts them: a file of our own, gone with the world.
std::string write_ca(const std::string& pem) {
  std::string path = "/tmp/omnilink-demo-XXXXXX";
  const io::descriptor file{::mkstemp(path.data())};
  if (!file || ::write(file.get(), pem.data(), pem.size()) != static_cast<ssize_t>(pem.size())) return {};
  return path;
}

}  // namespace

std::optional<demo_world> demo_world::start() {
  const auto certificate = io::make_certificate({.name = "localhost"});
  if (certificate.has_error()) return {};
  demo_world out;
  out.ca_file = write_ca(certificate->ca_pem);
  int events[2], life[2];
  if (out.ca_file.empty() || ::pipe2(events, O_CLOEXEC) != 0) return {};
  out.events_ = io::descriptor{events[0]};
  io::descriptor events_in{events[1]};
  if (::pipe2(life, O_CLOEXEC) != 0) return {};
  io::descriptor life_out{life[0]};
  out.life_ = io::descriptor{life[1]};
  out.pid_ = ::fork();
  if (out.pid_ < 0) return {};
  if (out.pid_ == 0) {
    ::signal(SIGINT, SIG_IGN);  // the terminal's ^C is for the client
    out.life_.reset();
    auto tls = io::tls_context::server(certificate->certificate_pem, certificate->key_pem);
    if (tls.has_error()) ::_exit(1);
    world here{events_in.get(), std::move(*tls)};
    here.run(life_out.release());
    ::_exit(0);
  }
  ports opened{};
  if (::read(out.events_.get(), &opened, sizeof opened) != sizeof opened) return {};
  out.socks5_port = opened.socks5;
  out.http_port = opened.http;
  out.https_port = opened.https;
  ::fcntl(out.events_.get(), F_SETFL, O_NONBLOCK);
  return out;
}

demo_world::demo_world(demo_world&& other) noexcept
    : socks5_port{other.socks5_port}, http_port{other.http_port}, https_port{other.https_port},
      ca_file{std::exchange(other.ca_file, {})}, events_{std::move(other.events_)}, life_{std::move(other.life_)},
      pid_{std::exchange(other.pid_, -1)} {}

demo_world::~demo_world() {
  life_.reset();
  if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  if (!ca_file.empty()) ::unlink(ca_file.c_str());
}

std::string demo_world::seen() {
  std::string out;
  std::array<char, 4096> space;
  for (;;) {
    const auto n = ::read(events_.get(), space.data(), space.size());
    if (n <= 0) return out;
    out.append(space.data(), static_cast<std::size_t>(n));
  }
}

}  // namespace omnilink::cli
