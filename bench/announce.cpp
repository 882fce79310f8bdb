// bench_announce SOCKET COUNT: announces as many flows to a running service, and fails unless it has recorded all.
#include <thread>

#include "bench/query_client.hpp"

int main(int count, char** words) {
  using namespace omnilink;
  if (count != 3) bench::give_up("usage: bench_announce SOCKET COUNT");
  const int fd = bench::connected(words[1]);
  const auto flows = static_cast<std::uint32_t>(std::atoi(words[2]));
  std::uint32_t recorded = 0;
  {
    const std::jthread writer{[&] { bench::send_all(fd, flows, bench::announcement_of); }};
    recorded = bench::receive_all(fd, flows, wire::nat_answer::status::live);
  }
  if (recorded != flows) {
    std::fprintf(stderr, "%u of %u flows were recorded\n", recorded, flows);
    return 1;
  }
}
