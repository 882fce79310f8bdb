// The conversation between the service and an installer in another process: one fixed-size message per packet
// of a SOCK_SEQPACKET socket; descriptors travel beside an install_reply. Each side takes the other for
// hostile: decode_installer_message() gives a message whose every field is within its limits, or nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "wire/handshake.hpp"

namespace omnilink::wire {

inline constexpr std::size_t installer_message_size =
    768;  ///< the longest message, a refusal, with its header
inline constexpr std::uint32_t max_installer_workers = 64;  ///< 2 sockets each stay below SCM_MAX_FD (253)
inline constexpr std::size_t max_installer_ports = 64;   ///< host loopback ports; nobody names more by hand
inline constexpr std::size_t max_refusal_step = 64;      ///< bytes; "mount /run/systemd/resolve"
inline constexpr std::size_t max_refusal_message = 640;  ///< bytes; one line with cause and remedy

/// What is wanted.
struct install_request {
  std::uint32_t workers = 1;                       ///< 1 to 64
  std::vector<std::uint16_t> host_loopback_ports;  ///< at most 64; neither 0 nor 53, which is the resolver's
  friend bool operator==(const install_request&, const install_request&) = default;
};
/// All of it is there. Beside it come, in this order: `workers` IPv4 listeners, `workers` IPv6 listeners, the
/// name server's UDP IPv4, UDP IPv6, TCP IPv4 and TCP IPv6 sockets, and the sock_diag socket.
struct install_reply {
  std::uint32_t workers = 1;
  std::uint64_t netns = 0;  ///< SO_NETNS_COOKIE
  friend bool operator==(const install_reply&, const install_reply&) = default;
};
/// Nothing is there, and why. Text without control bytes.
struct install_refusal {
  std::string step;
  std::uint16_t system_errno = 0;
  std::string message;
  friend bool operator==(const install_refusal&, const install_refusal&) = default;
};
/// Everything serves: the command may start.
struct install_go {
  friend bool operator==(const install_go&, const install_go&) = default;
};

using installer_message = std::variant<install_request, install_reply, install_refusal, install_go>;
using installer_packet = std::array<std::uint8_t, installer_message_size>;

bool is_valid(const install_request& request) noexcept;
/// The message must be within its limits, but for text: that is cut, and its control bytes become '?'.
installer_packet encode(const installer_message& message);
/// nullopt: not a message of this version, or a field is out of its limits, or what should be zero is not.
std::optional<installer_message> decode_installer_message(bytes packet);

}  // namespace omnilink::wire
