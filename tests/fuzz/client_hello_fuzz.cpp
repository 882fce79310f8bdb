// A client says anything first, in TLS's own words.
#include "tests/fuzz/first_name.hpp"
#include "wire/client_hello.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  omnilink::wire::fuzz_first_name(omnilink::wire::client_hello_name, {data, size});
  return 0;
}
