// An origin says anything, to a GET, a HEAD and a request that may change the protocol; and the body ends where it ends, at every split.
#include "tests/fuzz/scene.hpp"

using namespace omnilink;
using namespace omnilink::wire::playbook;

namespace {

struct body_read {
  std::size_t count = 0;
  core::errc code = core::errc::ok;
  bool complete = false;
  friend bool operator==(const body_read&, const body_read&) = default;
};

body_read read_body(wire::http_body body, wire::bytes input, std::size_t piece) {
  body_read out;
  while (out.count < input.size() && out.code == core::errc::ok && !body.complete()) {
    const auto part = body.take(input.subspan(out.count, std::min(piece, input.size() - out.count)));
    out.count += part.count;
    out.code = part.code;
  }
  out.complete = body.complete();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  wire::http_request asked;
  fuzz_scene(http_answer{asked}, {data, size});
  asked.no_body_back = true;
  fuzz_scene(http_answer{asked}, {data, size});
  asked.upgrades = true;
  fuzz_scene(http_answer{asked}, {data, size});
  const wire::bytes input{data, size};
  const body_read whole = read_body(wire::http_body::chunked(), input, input.size());
  for (const std::size_t piece : {1, 2, 7}) must(whole == read_body(wire::http_body::chunked(), input, piece), "a chunked body that depends on its pieces");
  return 0;
}
