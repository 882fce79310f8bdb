// Whoever sits at the other end of netd's socket. What is accepted is what would be sent.
#include "wire/netd_messages.hpp"

#include <algorithm>

#include "tests/fuzz/scene.hpp"
#include "wire/process_messages.hpp"

using namespace omnilink;
using namespace omnilink::wire::playbook;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const wire::bytes packet{data, size};
  if (const auto message = wire::decode_netd_message(packet)) {
    must(std::ranges::equal(wire::encode(*message), packet), "a message that we would not send");
  }
  if (const auto question = wire::decode_process_question(packet)) {
    must(std::ranges::equal(wire::encode(*question), packet), "a question that we would not ask");
  }
  if (const auto answer = wire::decode_process_answer(packet)) {
    must(std::ranges::equal(wire::encode(*answer), packet), "an answer that we would not give");
  }
  return 0;
}
