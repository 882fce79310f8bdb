#include "interceptor/installer_channel.hpp"

#include <cerrno>

namespace omnilink::interceptor {

bool send_message(int channel, const wire::installer_message& message, std::span<const int> descriptors) {
  const wire::installer_packet packet = wire::encode(message);
  return send_packet(channel, packet, descriptors);
}

std::optional<received_message> receive_message(int channel) {
  auto packet = receive_packet(channel, wire::installer_message_size);
  if (!packet) return std::nullopt;
  auto message = wire::decode_installer_message(packet->data);
  if (!message) {
    packet->descriptors.clear();  // before errno, which closing may change
    errno = EPROTO;
    return std::nullopt;
  }
  return received_message{std::move(*message), std::move(packet->descriptors)};
}

}  // namespace omnilink::interceptor
