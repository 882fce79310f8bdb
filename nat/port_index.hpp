// The newest entry of every source port, in pages that exist only while one of their ports is in use.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "nat/slab.hpp"

namespace omnilink::nat {

class port_index {
 public:
  entry_number get(std::uint16_t port) const noexcept {
    const auto& home = pages_[port >> 8];
    return home ? home->newest[port & 0xff] : no_entry;
  }

  /// no_entry: the port is no longer in use.
  void set(std::uint16_t port, entry_number n) {
    auto& home = pages_[port >> 8];
    if (!home) {
      if (n == no_entry) return;
      home = std::make_unique<page>();
      home->newest.fill(no_entry);
    }
    entry_number& cell = home->newest[port & 0xff];
    home->used += (n != no_entry) - (cell != no_entry);
    cell = n;
    if (home->used == 0) home.reset();
  }

 private:
  struct page {
    std::array<entry_number, 256> newest;
    int used = 0;
  };
  std::array<std::unique_ptr<page>, 256> pages_;
};

}  // namespace omnilink::nat
