// Anyone on this machine asks anything; and a false service answers anything. What is accepted is what would
// be sent.
#include "wire/nat_query.hpp"

#include <algorithm>

#include "tests/fuzz/scene.hpp"

using namespace omnilink;
using namespace omnilink::wire::playbook;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const wire::bytes input{data, size};
  wire::nat_token_of(input);
  if (const auto question = wire::decode_nat_question(input)) {
    const auto again = wire::encode(*question);
    must(std::equal(again.begin(), again.end(), input.begin(), input.end()),
         "a question that we would not send");
  }
  if (const auto answer = wire::decode_nat_answer(input)) {
    const auto again = wire::encode(*answer);
    must(std::equal(again.begin(), again.end(), input.begin(), input.end()),
         "an answer that we would not send");
  }
  if (const auto announcement = wire::decode_nat_announcement(input)) {
    const auto again = wire::encode(*announcement);
    must(std::equal(again.begin(), again.end(), input.begin(), input.end()),
         "an announcement that we would not send");
  }
  return 0;
}
