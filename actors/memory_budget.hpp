// What a budget of memory says (D5): from 90 % on no new connections, from 95 % on those that were idle longest end, until less than
// 85 % are in use. Pure.
#pragma once

#include <cstdint>

namespace omnilink::actors {

class memory_budget {
 public:
  struct order {
    std::uint32_t allowed = 0;  ///< connections that may be open until the next look
    std::uint32_t shed = 0;     ///< of the open ones, so many end now
  };
  /// At each look: `used` of `limit` bytes, and how many connections are open. A limit of 0 is none.
  order look(std::uint64_t used, std::uint64_t limit, std::uint32_t connections) noexcept;

  bool holds() const noexcept { return holds_; }  ///< no new connections
  bool sheds() const noexcept { return sheds_; }

 private:
  bool holds_ = false;
  bool sheds_ = false;
};

}  // namespace omnilink::actors
