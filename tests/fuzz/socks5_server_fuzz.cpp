// A SOCKS5 client says anything, to a listener without and with users.
#include "tests/fuzz/scene.hpp"

using namespace omnilink;
using namespace omnilink::wire::playbook;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_scene(socks5_server{}, {data, size});
  fuzz_scene(socks5_server{true}, {data, size});
  return 0;
}
