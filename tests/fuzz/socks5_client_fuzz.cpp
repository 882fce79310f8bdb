// A SOCKS5 hop says anything, to a client without and with credentials.
#include "tests/fuzz/scene.hpp"

using namespace omnilink;
using namespace omnilink::wire::playbook;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const core::target where{"example.org", 443};
  fuzz_scene(socks5_client{where, {}}, {data, size});
  fuzz_scene(socks5_client{where, wire::credentials{"me", core::secret{"s3cret"}}}, {data, size});
  fuzz_scene(socks5_client{where, wire::credentials{"me", core::secret{"s3cret"}}, true}, {data, size});
  return 0;
}
