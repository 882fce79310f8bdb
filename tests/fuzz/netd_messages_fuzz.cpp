// Whoever sits at the other end of netd's socket. What is accepted is what would be sent.
#include "wire/netd_messages.hpp"

#include <algorithm>

#include "tests/fuzz/scene.hpp"

using namespace omnilink;
using namespace omnilink::wire::playbook;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const wire::bytes packet{data, size};
  if (const auto message = wire::decode_netd_message(packet)) {
    must(std::ranges::equal(wire::encode(*message), packet), "a message that we would not send");
  }
  return 0;
}
