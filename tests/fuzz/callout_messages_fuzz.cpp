// A library and its private service take each other for hostile. What is accepted is what would be sent.
#include "wire/callout_messages.hpp"

#include <algorithm>

#include "tests/fuzz/scene.hpp"

using namespace omnilink;
using wire::playbook::must;

namespace {

template <class Message>
void check(const std::optional<Message>& decoded, wire::bytes packet) {
  if (decoded) must(std::ranges::equal(encode(*decoded), packet), "a message that we would not send");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const wire::bytes packet{data, size};
  check(wire::decode_callout_offer(packet), packet);
  check(wire::decode_callout_question(packet), packet);
  check(wire::decode_callout_verdict(packet), packet);
  const auto answer = wire::decode_callout_answer(packet);
  check(answer, packet);
  must(!answer || answer->token == wire::callout_token_of(packet), "another token");
  return 0;
}
