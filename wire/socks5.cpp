#include "wire/socks5.hpp"

#include <algorithm>
#include <string_view>

#include "core/host_name.hpp"
#include "wire/byte_codec.hpp"

namespace omnilink::wire {
namespace {

constexpr std::uint8_t version = 5;
constexpr std::uint8_t login_version = 1;  // RFC 1929 has its own
constexpr std::uint8_t command_connect = 1;

enum method : std::uint8_t { no_authentication = 0, user_password = 2, none_acceptable = 0xff };
enum address_type : std::uint8_t { ipv4 = 1, domain = 3, ipv6 = 4 };

constexpr std::size_t port_size = 2;
constexpr std::size_t greeting_size = 3;
constexpr std::size_t login_max = 3 + 2 * credential_max;
constexpr std::size_t request_max = 4 + 1 + 255 + port_size;

bool fits(const credentials& login) noexcept {
  const auto good = [](std::size_t size) { return size >= 1 && size <= credential_max; };
  return good(login.user.size()) && good(login.password.size());
}

void put_login(byte_writer& to, const credentials& login) noexcept {
  to.u8(login_version);
  to.u8(static_cast<std::uint8_t>(login.user.size()));
  to.put(login.user);
  to.u8(static_cast<std::uint8_t>(login.password.size()));
  to.put(login.password.reveal());
}

void put_request(byte_writer& to, const core::target& destination) noexcept {
  to.u8(version);
  to.u8(command_connect);
  to.u8(0);
  if (destination.is_name()) {
    to.u8(domain);
    to.u8(static_cast<std::uint8_t>(destination.name.size()));
    to.put(destination.name);
  } else if (destination.address.is_v4()) {
    to.u8(ipv4);
    to.put(bytes{destination.address.to_v4()});
  } else {
    to.u8(ipv6);
    to.put(bytes{destination.address.to_v6()});
  }
  to.u16(destination.port);
}

/// Bytes of an address of fixed size; 0: a domain, or unknown.
std::size_t size_of(std::uint8_t type) noexcept {
  return type == ipv4 ? 4 : type == ipv6 ? 16 : 0;
}

// `data` is a whole address without its type (and a domain without its length), then the port.
std::optional<core::target> parse_destination(std::uint8_t type, bytes data) {
  const bytes host = data.first(data.size() - port_size);
  const std::uint16_t port = byte_reader{data.last(port_size)}.u16();
  if (type == domain) return core::target::parse_host(as_text(host), port);
  core::address::bytes_v4 v4{};
  core::address::bytes_v6 v6{};
  std::copy(host.begin(), host.end(), type == ipv4 ? v4.begin() : v6.begin());
  return core::target{core::endpoint{type == ipv4 ? core::address::v4(v4) : core::address::v6(v6), port}};
}

}  // namespace

handshake socks5_connect(core::target destination, std::optional<credentials> login, socks5_outcome& out, bool pipelined) {
  out = {};
  if (login && !fits(*login)) co_return errc::unsupported;
  if (destination.is_name() && !core::valid_host_name(destination.name)) co_return errc::bad_name;

  const std::uint8_t offered = login ? user_password : no_authentication;
  secret_buffer<greeting_size + login_max + request_max> spelled;
  byte_writer message{spelled.data};
  const std::array<std::uint8_t, greeting_size> greeting{version, 1, offered};
  message.put(bytes{greeting});
  if (pipelined) {
    if (login) put_login(message, *login);
    put_request(message, destination);
  }
  co_await send{message.written()};
  const bytes choice = co_await receive{2};
  if (choice[0] != version) co_return errc::bad_version;
  if (choice[1] == none_acceptable) co_return errc::method_refused;
  if (choice[1] != offered) co_return errc::bad_message;

  if (login) {
    if (!pipelined) {
      message = byte_writer{spelled.data};
      put_login(message, *login);
      co_await send{message.written()};
    }
    const bytes answer = co_await receive{2};
    if (answer[0] != login_version) co_return errc::bad_version;
    if (answer[1] != 0) co_return errc::auth_failed;
  }

  out.step = core::step::request;
  if (!pipelined) {
    message = byte_writer{spelled.data};
    put_request(message, destination);
    co_await send{message.written()};
  }

  // A refusal is believed at its second byte: some servers send no more than three before they close.
  const bytes reply = co_await receive{2};
  if (reply[0] != version) co_return errc::bad_version;
  if (reply[1] != 0) {
    out.reply = reply[1];
    co_return errc::hop_refused;
  }
  const bytes head = co_await receive{2};
  const std::uint8_t type = head[1];
  if (head[0] != 0 || (type != domain && size_of(type) == 0)) co_return errc::bad_message;
  std::size_t bound_size = size_of(type);
  if (type == domain) {
    const bytes length = co_await receive{1};
    if (length[0] == 0) co_return errc::bad_message;
    bound_size = length[0];
  }
  co_await receive{bound_size + port_size};  // the bound address is of no use to us
  co_return errc::ok;
}

handshake socks5_read_greeting(bool with_login, credentials& out) {
  out = {};
  const std::uint8_t wanted = with_login ? user_password : no_authentication;
  const bytes greeting = co_await receive{2};
  if (greeting[0] != version) co_return errc::bad_version;
  const std::size_t methods = greeting[1];
  bool acceptable = false;
  if (methods != 0) {
    const bytes offered = co_await receive{methods};
    acceptable = std::find(offered.begin(), offered.end(), wanted) != offered.end();
  }
  const std::array<std::uint8_t, 2> choice{version, acceptable ? wanted : std::uint8_t{none_acceptable}};
  co_await send{choice};
  if (!acceptable) co_return errc::method_refused;
  if (!with_login) co_return errc::ok;

  const bytes login = co_await receive{2};
  if (login[0] != login_version) co_return errc::bad_version;
  const std::size_t user_size = login[1];
  if (user_size == 0) co_return errc::bad_message;
  const bytes user = co_await receive{user_size + 1};
  out.user = as_text(user.first(user_size));
  const std::size_t password_size = user[user_size];
  if (password_size == 0) co_return errc::ok;
  const bytes password = co_await receive{password_size};
  out.password = core::secret{as_text(password)};
  co_return errc::ok;
}

handshake socks5_read_request(bool with_login, socks5_request& out) {
  out = {};
  if (with_login) {
    const std::array<std::uint8_t, 2> good{login_version, 0};
    co_await send{good};
  }
  const bytes head = co_await receive{4};
  if (head[0] != version) co_return errc::bad_version;
  out.reply_due = true;
  const std::uint8_t command = head[1];
  const bool reserved_is_zero = head[2] == 0;
  const std::uint8_t type = head[3];
  std::size_t host_size = size_of(type);
  if (type == domain) {
    const bytes length = co_await receive{1};
    host_size = length[0];
  }
  if (host_size == 0) co_return errc::bad_name;

  // The whole request is read before it is judged: a close with unread bytes would reset our reply away.
  const bytes where = co_await receive{host_size + port_size};
  if (!reserved_is_zero) co_return errc::bad_message;
  if (command != command_connect) co_return errc::bad_command;
  const std::optional<core::target> destination = parse_destination(type, where);
  if (!destination) co_return errc::bad_name;
  if (destination->port == 0) co_return errc::bad_message;
  out.destination = *destination;
  co_return errc::ok;
}

std::array<std::uint8_t, 2> socks5_login_refusal() noexcept { return {login_version, 1}; }

std::array<std::uint8_t, 10> socks5_reply(std::uint8_t reply) noexcept {
  return {version, reply, 0, ipv4, 0, 0, 0, 0, 0, 0};
}

}  // namespace omnilink::wire
