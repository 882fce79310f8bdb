// An HTTP hop says anything.
#include "tests/fuzz/scene.hpp"

using namespace omnilink;
using namespace omnilink::wire::playbook;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_scene(http_client{core::target{"example.org", 443}, {}}, {data, size});
  return 0;
}
