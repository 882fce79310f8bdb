#include "interceptor/explicit.hpp"

#include <array>
#include <string>

#include "io/drive.hpp"
#include "io/wait.hpp"
#include "wire/http_connect.hpp"
#include "wire/http_forward.hpp"
#include "wire/socks4.hpp"
#include "wire/socks5.hpp"

namespace omnilink::interceptor {
namespace {

using core::errc;
using dialect = explicit_request::dialect;

// The first byte, and no letter of HTTP.
constexpr std::uint8_t socks4_version = 4;
constexpr std::uint8_t socks5_version = 5;

// What a refused client may still send before it reads our answer; more than that gets the RST.
constexpr std::size_t linger_bytes = 256 * 1024;

// Reads a client's request in one dialect.
class reading {
 public:
  reading(io::stream& client, const gatekeeper* gate, explicit_request& out) : client_{client}, gate_{gate}, out_{out} {}

  io::task<> socks4() {
    wire::socks4_request request;
    auto script = wire::socks4_read_request(request);
    co_await perform(script);
    take(request);
    if (out_.code != errc::ok || !gate_) co_return;
    out_.code = errc::auth_required;
    out_.detail = "SOCKS4 has no password; use SOCKS5 or HTTP";
  }

  io::task<> socks5() {
    wire::credentials login;
    auto greeting = wire::socks5_read_greeting(gate_ != nullptr, login);
    co_await perform(greeting);
    out_.refused = out_.code == errc::method_refused;
    if (out_.refused && gate_) out_.code = errc::auth_required;
    if (out_.code == errc::ok) co_await admit(&login);
    if (out_.code != errc::ok) co_return;
    wire::socks5_request request;
    auto script = wire::socks5_read_request(gate_ != nullptr, request);
    co_await perform(script);
    take(request);
  }

  io::task<> http() {
    auto request = std::make_unique<wire::http_request>();
    auto script = wire::http_read_request(*request);
    co_await perform(script);
    take(*request);
    if (out_.code != errc::ok) co_return;
    co_await admit(request->login ? &*request->login : nullptr);
    request->login.reset();
    if (!request->tunnel) out_.http = std::move(request);
  }

 private:
  io::task<> perform(wire::handshake& script) {
    const auto done = co_await io::drive(client_, script);
    out_.code = done.code;
    out_.system_errno = done.system_errno;
  }

  template <class Request>
  void take(Request& request) {
    out_.destination = std::move(request.destination);
    out_.reply_due = request.reply_due;
  }

  // Is the login good? HTTP is told by the answer; SOCKS5 has one of its own for that.
  io::task<> admit(const wire::credentials* login) {
    if (!gate_) co_return;
    out_.code = co_await check_login(*gate_, login);
    if (out_.code == errc::ok) out_.user = login->user;
    if (out_.code == errc::ok || out_.spoken != dialect::socks5) co_return;
    const auto refusal = wire::socks5_login_refusal();
    const auto told = co_await io::write_all(client_, refusal);
    out_.refused = told.done();
  }

  io::stream& client_;
  const gatekeeper* const gate_;
  explicit_request& out_;
};

// What a mixed listener's client speaks, by its first byte.
io::task<> recognize(io::stream& client, explicit_request& out) {
  wire::secret_buffer<256> begin;  // a greeting or a short request whole, which may hold a login
  auto& first = begin.data;
  const auto got = co_await io::read_some(client, first);
  if (!got.done()) {
    out.code = got.what == io::progress::kind::eof ? errc::closed_early : got.code;
    out.system_errno = got.system_errno;
    co_return;
  }
  client.unread(io::bytes{first.data(), got.count});
  const bool letter = (first[0] >= 'A' && first[0] <= 'Z') || (first[0] >= 'a' && first[0] <= 'z');
  if (first[0] == socks4_version) {
    out.spoken = dialect::socks4;
  } else if (first[0] == socks5_version) {
    out.spoken = dialect::socks5;
  } else if (letter) {
    out.spoken = dialect::http;
  } else {
    out.code = errc::bad_version;  // TLS, or noise: it has no answer to wait for
  }
}

}  // namespace

io::task<explicit_request> read_request(io::stream& client, listen_kind kind, const gatekeeper* gate) {
  explicit_request out;
  out.spoken = kind == listen_kind::http ? dialect::http : dialect::socks5;
  if (kind == listen_kind::mixed) co_await recognize(client, out);
  if (out.code != errc::ok) co_return out;
  reading one{client, gate, out};
  if (out.spoken == dialect::socks4) {
    co_await one.socks4();
  } else if (out.spoken == dialect::socks5) {
    co_await one.socks5();
  } else {
    co_await one.http();
  }
  co_return out;
}

io::task<io::progress> answer(io::stream& client, const explicit_request& request, const core::verdict& outcome, bool goes_on) {
  if (request.spoken == dialect::socks4) {
    const auto reply = wire::socks4_reply(core::socks4_reply_of(outcome));
    co_return co_await io::write_all(client, reply);
  }
  if (request.spoken == dialect::socks5) {
    const auto reply = wire::socks5_reply(core::socks5_reply_of(outcome));
    co_return co_await io::write_all(client, reply);
  }
  const std::string reply = wire::http_reply(core::http_status_of(outcome), goes_on);
  const io::bytes data{reinterpret_cast<const std::uint8_t*>(reply.data()), reply.size()};
  co_return co_await io::write_all(client, data);
}

io::task<> linger(io::stream& client) {
  co_await io::shutdown_send(client);
  std::array<std::uint8_t, 1024> rest;
  for (std::size_t taken = 0; taken < linger_bytes;) {
    const auto got = co_await io::read_some(client, rest);
    if (!got.done()) break;
    taken += got.count;
  }
}

}  // namespace omnilink::interceptor
