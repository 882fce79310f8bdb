// A SOCKS4 client says anything.
#include "tests/fuzz/scene.hpp"

using namespace omnilink;
using namespace omnilink::wire::playbook;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_scene(socks4_server{}, {data, size});
  return 0;
}
