#include "interceptor/own_connections.hpp"

namespace omnilink::interceptor {

own_connections::remembered own_connections::remember(const core::endpoint& from, const core::endpoint& to, end which) {
  const pair key{{from.address.unmapped(), from.port}, {to.address.unmapped(), to.port}};
  stripe& home = stripe_of(key);
  bool loops;
  {
    // Both ends come here, so whichever comes second sees the first.
    const std::lock_guard lock{home.mutex};
    ends& known = home.pairs[key];
    ++known.count[which];
    loops = known.count[1 - which] != 0;
  }
  const auto forget = [&home, key, which](const void*) {
    const std::lock_guard lock{home.mutex};
    const auto found = home.pairs.find(key);
    --found->second.count[which];
    if (found->second.count == std::array<std::uint32_t, 2>{}) home.pairs.erase(found);
  };
  return {ticket{static_cast<const void*>(&home), forget}, loops};
}

}  // namespace omnilink::interceptor
