// A client says anything first, in HTTP's own words.
#include "tests/fuzz/first_name.hpp"
#include "wire/http_host.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  omnilink::wire::fuzz_first_name(omnilink::wire::http_host_name, {data, size});
  return 0;
}
