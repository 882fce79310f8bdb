// Whoever reaches the admin API's port sends any method and target: "METHOD TARGET". What is taken is a request that admin.sock would
// take as well.
#include "tests/fuzz/scene.hpp"
#include "wire/admin_http.hpp"
#include "wire/byte_codec.hpp"

using namespace omnilink;
using namespace omnilink::wire::playbook;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = wire::as_text({data, size});
  const std::size_t space = std::min(input.find(' '), input.size());
  const auto call = wire::parse_admin_call(input.substr(0, space), input.substr(std::min(space + 1, input.size())));
  if (!call) {
    must(call.error().status >= 400 && call.error().status < 500 && !call.error().reason.empty(), "a refusal without a reason");
    return 0;
  }
  const std::string line = wire::build_admin_request(call->request);
  const auto again = wire::parse_admin_request(std::string_view{line}.substr(0, line.size() - 1));
  must(again && *again == call->request, "a request that admin.sock would not take");
  return 0;
}
