// Holds the service within its budget of memory: looks how much is used, says how many connections may be open, and ends those that
// were idle longest when it must (D5). Gives back what a storm of connections has left. On control.
#pragma once

#include <cstdint>

#include "actors/memory_budget.hpp"
#include "io/deadlines.hpp"
#include "io/memory.hpp"

namespace omnilink::actors {

struct control;

class memory_watch {
 public:
  explicit memory_watch(control& home);
  /// From now on; again after a reload.
  void look();

 private:
  io::memory_use measure() const;
  core::nanoseconds until_next(const io::memory_use& found, std::uint32_t allowed) const;
  bool is_after_storm(std::uint32_t connections) noexcept;
  void drop_spare_frames();
  void shed(std::uint32_t count);

  control& home_;
  const io::memory_group group_;
  memory_budget budget_;
  core::instant trimmed_{};
  bool drops_ = false;  // the workers were told to
  io::deadlines::timer next_;
};

}  // namespace omnilink::actors
