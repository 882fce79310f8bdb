// A SOCKS4 hop says anything, to a client that asks for an address and to one that asks for a name.
#include "tests/fuzz/scene.hpp"

using namespace omnilink;
using namespace omnilink::wire::playbook;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const core::endpoint address{core::address::v4(0xc0000201), 443};
  fuzz_scene(socks4_client{core::target{"example.org", 443}, "me"}, {data, size});
  fuzz_scene(socks4_client{core::target{address}, "", wire::socks4_dialect::socks4}, {data, size});
  return 0;
}
