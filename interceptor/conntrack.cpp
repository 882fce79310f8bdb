#include "interceptor/conntrack.hpp"

#include <fstream>

namespace omnilink::interceptor {
namespace {

std::optional<std::uint64_t> number_in(const char* path) {
  std::ifstream file{path};
  std::uint64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

}  // namespace

std::optional<conntrack_use> conntrack_in_use() {
  const auto count = number_in("/proc/sys/net/netfilter/nf_conntrack_count");
  const auto most = number_in("/proc/sys/net/netfilter/nf_conntrack_max");
  if (!count || !most) return std::nullopt;
  return conntrack_use{*count, *most};
}

}  // namespace omnilink::interceptor
