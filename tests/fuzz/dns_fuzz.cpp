// A program inside the sandbox asks anything, by datagram and over TCP.
#include "tests/fuzz/scene.hpp"
#include "wire/dns.hpp"

using namespace omnilink;
using namespace omnilink::wire::playbook;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_scene(dns_reader{}, {data, size});
  const auto query = wire::parse_dns_query({data, size});
  if (!query) return 0;
  const auto status = wire::dns_status(*query, query->problem);
  const auto answer = wire::dns_answer(*query, core::address::v4(0xc6120002), 1);
  must(status.size() >= 12 && status.size() <= 512 && answer.size() <= 512, "an answer of an illegal size");
  must(!wire::parse_dns_query(status) && !wire::parse_dns_query(answer), "an answer that is no response");
  return 0;
}
