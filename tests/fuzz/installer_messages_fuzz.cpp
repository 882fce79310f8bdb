// Whoever sits at the other end of an installer's socket. What is accepted is what would be sent.
#include "wire/installer_messages.hpp"

#include <algorithm>

#include "tests/fuzz/scene.hpp"

using namespace omnilink;
using namespace omnilink::wire::playbook;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Packets have one size; the rest of a short input is zeros, as the rest of a short message is.
  wire::installer_packet packet{};
  std::copy_n(data, std::min(size, packet.size()), packet.begin());
  if (const auto message = wire::decode_installer_message(packet)) {
    must(wire::encode(*message) == packet, "a message that we would not send");
  }
  must(size == packet.size() || !wire::decode_installer_message({data, size}), "a message of another size");
  return 0;
}
