// Run-time loop detection: our own outgoing connections, and the intercepted ones, by their exact two addresses. When the same
// pair is seen at both ends, a rule sends what we dial back to us. Nothing less than the whole pair counts: a program on this
// machine may use any address and, later, any port of ours.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "core/endpoint.hpp"

namespace omnilink::interceptor {

/// May be used from any thread; must outlive what it gives out.
class own_connections {
 public:
  /// Keeps a pair remembered for as long as it lives.
  using ticket = std::shared_ptr<const void>;
  struct remembered {
    ticket held;
    bool loops;  ///< the other end of this connection is ours as well
  };

  /// A connection that we have opened, with its own address and where it wanted to go.
  remembered dialled(const core::endpoint& local, const core::endpoint& remote) { return remember(local, remote, ours); }
  /// A connection that the kernel has redirected to us: its program's address, and where that wanted to go.
  remembered accepted(const core::endpoint& source, const core::endpoint& original) { return remember(source, original, redirected); }

 private:
  struct pair {
    core::endpoint from, to;
    friend bool operator==(const pair&, const pair&) = default;
  };
  struct hash_of_pair {
    std::size_t operator()(const pair& p) const noexcept {
      const std::hash<core::endpoint> h;
      return h(p.from) * 0x9e3779b97f4a7c15ull ^ h(p.to);
    }
  };
  // How many of each there are: an address pair that was just closed may be in use again before its ticket is gone.
  struct ends {
    std::array<std::uint32_t, 2> count{};
  };
  enum end : std::size_t { ours = 0, redirected = 1 };
  struct stripe {
    std::mutex mutex;
    std::unordered_map<pair, ends, hash_of_pair> pairs;
  };

  remembered remember(const core::endpoint& from, const core::endpoint& to, end which);
  stripe& stripe_of(const pair& p) { return stripes_[hash_of_pair{}(p) >> 7 & (stripes_.size() - 1)]; }

  // Workers touch this once per connection and end; with more stripes than workers they seldom meet.
  std::array<stripe, 64> stripes_;
};

}  // namespace omnilink::interceptor
