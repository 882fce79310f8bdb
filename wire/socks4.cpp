#include "wire/socks4.hpp"

#include <algorithm>
#include <optional>

#include "core/host_name.hpp"
#include "wire/byte_codec.hpp"
#include "wire/credentials.hpp"

namespace omnilink::wire {
namespace {

constexpr std::uint8_t version = 4;
constexpr std::uint8_t reply_version = 0;
constexpr std::uint8_t command_connect = 1;
enum reply_code : std::uint8_t { granted = 90, refused_last = 93 };

constexpr std::string_view nul{"\0", 1};
constexpr std::size_t fixed_size = 8;     // version, command, port, address
constexpr std::size_t text_max = 255 + 1;  // user-id or name, with its NUL
constexpr std::size_t request_max = fixed_size + 2 * text_max;

/// 4a: "deliberately invalid", a name follows.
constexpr core::address::bytes_v4 name_follows{0, 0, 0, 1};

bool announces_name(const core::address::bytes_v4& a) noexcept {
  return a[0] == 0 && a[1] == 0 && a[2] == 0 && a[3] != 0;
}

bool fits(std::string_view user) noexcept {
  return user.size() <= credential_max && user.find('\0') == user.npos;
}

// False: a text did not end within its limit.
bool take_text(bytes received, std::string_view& text) noexcept {
  if (received.empty()) return false;
  text = as_text(received.first(received.size() - 1));
  return true;
}

}  // namespace

std::string_view socks4_obstacle(const core::target& destination, socks4_dialect spoken) noexcept {
  if (destination.is_name()) {
    return spoken == socks4_dialect::socks4a ? "" : "SOCKS4 carries no names; use socks4a or socks5";
  }
  const core::address plain = destination.address.unmapped();
  if (plain.is_v6()) return "SOCKS4 carries no IPv6 addresses; use socks5";
  return announces_name(plain.to_v4()) ? "an address of 0.0.0.0/24 means a name in SOCKS4; use socks5" : "";
}

handshake socks4_connect(core::target destination, std::string user, socks4_dialect spoken, std::uint8_t& reply) {
  reply = 0;
  if (!fits(user) || !socks4_obstacle(destination, spoken).empty()) co_return errc::unsupported;
  if (destination.is_name() && !core::valid_host_name(destination.name)) co_return errc::bad_name;

  std::array<std::uint8_t, request_max> request_bytes{};
  byte_writer request{request_bytes};
  request.u8(version);
  request.u8(command_connect);
  request.u16(destination.port);
  const auto address = destination.is_name() ? name_follows : destination.address.unmapped().to_v4();
  request.put(bytes{address});
  request.put(user);
  request.put(nul);
  if (destination.is_name()) {
    request.put(destination.name);
    request.put(nul);
  }
  co_await send{request.written()};

  // A refusal is believed at its second byte, as in SOCKS5.
  const bytes head = co_await receive{2};
  if (head[0] != reply_version) co_return errc::bad_version;
  const std::uint8_t code = head[1];
  if (code < granted || code > refused_last) co_return errc::bad_message;
  if (code != granted) {
    reply = code;
    co_return errc::hop_refused;
  }
  co_await receive{fixed_size - 2};  // the bound port and address are of no use to us
  co_return errc::ok;
}

handshake socks4_read_request(socks4_request& out) {
  out = {};
  const bytes first = co_await receive{1};
  if (first[0] != version) co_return errc::bad_version;
  out.reply_due = true;
  const bytes rest = co_await receive{fixed_size - 1};
  byte_reader in{rest};
  const std::uint8_t command = in.u8();
  const std::uint16_t port = in.u16();
  core::address::bytes_v4 address{};
  std::ranges::copy(in.take(address.size()), address.begin());

  std::string_view text;
  const bytes user = co_await receive_until{text_max, nul};
  if (!take_text(user, text)) co_return errc::oversized;
  // The whole request is read before it is judged: a close with unread bytes would reset our reply away.
  std::optional<core::target> destination;
  if (announces_name(address)) {
    const bytes name = co_await receive_until{text_max, nul};
    if (!take_text(name, text)) co_return errc::oversized;
    destination = core::target::parse_host(text, port);
  } else if (address != core::address::bytes_v4{}) {
    destination = core::target{core::endpoint{core::address::v4(address), port}};
  }
  if (command != command_connect) co_return errc::bad_command;
  if (!destination) co_return errc::bad_name;
  if (port == 0) co_return errc::bad_message;
  out.destination = std::move(*destination);
  co_return errc::ok;
}

std::array<std::uint8_t, 8> socks4_reply(std::uint8_t code) noexcept {
  return {reply_version, code, 0, 0, 0, 0, 0, 0};
}

}  // namespace omnilink::wire
