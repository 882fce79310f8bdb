#include "interceptor/own_listeners.hpp"

#include <algorithm>

#include "io/host_addresses.hpp"

namespace omnilink::interceptor {
namespace {

// The host's addresses come and go; this is asked only for a port of our own, so reading them is cheap enough.
bool is_local(const core::address& where) {
  if (where.is_loopback() || where.is_unspecified()) return true;
  const auto host = io::host_addresses();
  return std::find(host.begin(), host.end(), where) != host.end();
}

}  // namespace

own_listeners::own_listeners(std::vector<core::endpoint> bound) : bound_{std::move(bound)} {}

bool own_listeners::contains(const core::endpoint& where) const {
  const core::address plain = where.address.unmapped();
  return std::any_of(bound_.begin(), bound_.end(), [&](const core::endpoint& own) {
    const core::address bound = own.address.unmapped();
    if (own.port != where.port || bound.is_v4() != plain.is_v4()) return false;
    if (bound == plain) return true;
    if (bound.is_unspecified()) return is_local(plain);
    return plain.is_unspecified() && bound.is_loopback();
  });
}

}  // namespace omnilink::interceptor
