// A user types anything. Whatever is wrong with it, the error is one line.
#include "wire/url.hpp"

#include "tests/fuzz/scene.hpp"

using namespace omnilink;
using namespace omnilink::wire::playbook;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = wire::parse_url({reinterpret_cast<const char*>(data), size});
  if (parsed) {
    must(!parsed->scheme.empty() && parsed->parameters.size() <= wire::url_parameters_max, "not a URL");
  } else {
    must(!parsed.error().empty() && parsed.error().find_first_of("\r\n") == std::string::npos,
         "not one line");
  }
  return 0;
}
