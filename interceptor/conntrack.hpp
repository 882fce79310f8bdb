// How full the kernel's table of connections is. Redirect needs an entry for each; when there is no room, new connections are lost (A14).
#pragma once

#include <cstdint>
#include <optional>

namespace omnilink::interceptor {

struct conntrack_use {
  std::uint64_t count = 0, most = 0;
  /// 80 %: time to do something about it.
  bool is_nearly_full() const noexcept { return count * 5 >= most * 4; }
};

/// Of this network namespace; nullopt: conntrack is not at work.
std::optional<conntrack_use> conntrack_in_use();

}  // namespace omnilink::interceptor
