#include "interceptor/explicit.hpp"

#include <array>
#include <string>

#include "io/drive.hpp"
#include "io/wait.hpp"
#include "wire/http_connect.hpp"
#include "wire/socks4.hpp"
#include "wire/socks5.hpp"

namespace omnilink::interceptor {
namespace asio = boost::asio;
namespace {

using core::errc;
using dialect = explicit_request::dialect;

// The first byte, and no letter of HTTP.
constexpr std::uint8_t socks4_version = 4;
constexpr std::uint8_t socks5_version = 5;

// What a refused client may still send before it reads our answer; more than that gets the RST.
constexpr std::size_t linger_bytes = 256 * 1024;

template <class Request, class Script>
asio::awaitable<void> read_as(io::stream& client, explicit_request& out, Script make_script) {
  Request request;
  auto script = make_script(request);
  const auto done = co_await io::drive(client, script);
  out.code = done.code;
  out.system_errno = done.system_errno;
  out.destination = std::move(request.destination);
  out.reply_due = request.reply_due;
}

}  // namespace

asio::awaitable<explicit_request> read_request(io::stream& client, listen_kind kind) {
  explicit_request out;
  out.spoken = kind == listen_kind::http ? dialect::http : dialect::socks5;
  if (kind == listen_kind::mixed) {
    std::array<std::uint8_t, 256> first;  // a greeting or a short request whole
    const auto got = co_await io::read_some(client, first);
    if (!got.done()) {
      out.code = got.what == io::progress::kind::eof ? errc::closed_early : got.code;
      out.system_errno = got.system_errno;
      co_return out;
    }
    client.unread(io::bytes{first.data(), got.count});
    if (first[0] == socks4_version) {
      out.spoken = dialect::socks4;
    } else if (first[0] != socks5_version) {
      // Neither SOCKS nor the first letter of a method: TLS, or noise. It has no answer to wait for.
      const bool letter = (first[0] >= 'A' && first[0] <= 'Z') || (first[0] >= 'a' && first[0] <= 'z');
      if (!letter) {
        out.code = errc::bad_version;
        co_return out;
      }
      out.spoken = dialect::http;
    }
  }
  if (out.spoken == dialect::socks4) {
    co_await read_as<wire::socks4_request>(client, out, wire::socks4_read_request);
  } else if (out.spoken == dialect::socks5) {
    co_await read_as<wire::socks5_request>(client, out, wire::socks5_read_request);
  } else {
    co_await read_as<wire::http_request>(client, out, wire::http_read_connect);
  }
  co_return out;
}

asio::awaitable<io::progress> answer(io::stream& client, const explicit_request& request, const core::verdict& outcome) {
  if (request.spoken == dialect::socks4) {
    const auto reply = wire::socks4_reply(core::socks4_reply_of(outcome));
    co_return co_await io::write_all(client, reply);
  }
  if (request.spoken == dialect::socks5) {
    const auto reply = wire::socks5_reply(core::socks5_reply_of(outcome));
    co_return co_await io::write_all(client, reply);
  }
  const std::string reply = wire::http_reply(core::http_status_of(outcome));
  const io::bytes data{reinterpret_cast<const std::uint8_t*>(reply.data()), reply.size()};
  co_return co_await io::write_all(client, data);
}

asio::awaitable<void> linger(io::stream& client) {
  co_await io::shutdown_send(client);
  std::array<std::uint8_t, 1024> rest;
  for (std::size_t taken = 0; taken < linger_bytes;) {
    const auto got = co_await io::read_some(client, rest);
    if (!got.done()) break;
    taken += got.count;
  }
}

}  // namespace omnilink::interceptor
