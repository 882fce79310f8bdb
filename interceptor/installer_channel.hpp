// The sandbox's conversation (wire/installer_messages.hpp) over a packet channel.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "interceptor/packet_channel.hpp"
#include "io/descriptor.hpp"
#include "wire/installer_messages.hpp"

namespace omnilink::interceptor {

/// The descriptors stay the caller's. False: the other side is gone, or errno.
bool send_message(int channel, const wire::installer_message& message, std::span<const int> descriptors = {});

struct received_message {
  wire::installer_message message;
  std::vector<io::descriptor> descriptors;  ///< close-on-exec
};
/// Waits for as long as the socket's SO_RCVTIMEO says. nullopt: the other side is gone or too slow, or sent
/// nonsense; errno is EMFILE if instead this process may not open as many descriptors as came.
std::optional<received_message> receive_message(int channel);

}  // namespace omnilink::interceptor
