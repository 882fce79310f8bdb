// Packets with descriptors beside them, between two processes of ours: unix(7), SOCK_SEQPACKET, SCM_RIGHTS.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "io/descriptor.hpp"
#include "wire/handshake.hpp"

namespace omnilink::interceptor {

/// Beside one packet: two listeners per worker, four sockets of a name server, one of sock_diag. The kernel's limit is 253
/// (SCM_MAX_FD).
inline constexpr std::size_t packet_descriptors_max = 2 * 64 + 5;

/// A connected pair, close-on-exec; empty: errno says why.
std::pair<io::descriptor, io::descriptor> make_packet_channel() noexcept;

/// To a listening socket at this path. Empty: errno says why.
io::descriptor connect_packet_channel(const std::string& path) noexcept;

/// The descriptors stay the caller's. False: the other side is gone, or errno.
bool send_packet(int channel, wire::bytes packet, std::span<const int> descriptors = {});

/// From now on send_packet() waits no longer than this for the other side to read, then fails.
void wait_for_reader(int channel, core::nanoseconds at_most) noexcept;

struct received_packet {
  std::vector<std::uint8_t> data;
  std::vector<io::descriptor> descriptors;  ///< close-on-exec
};
/// Waits for as long as the socket's SO_RCVTIMEO says. nullopt: the other side is gone or too slow, or sent more than `most`
/// bytes (EPROTO), or this process may not open as many descriptors as came (EMFILE).
std::optional<received_packet> receive_packet(int channel, std::size_t most);

}  // namespace omnilink::interceptor
