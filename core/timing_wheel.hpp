// A hierarchical timing wheel of intrusive nodes: link, unlink and move are O(1), expiry is amortised O(1), nothing
// allocates, and next_due() lets its driver sleep. Pure: time is an argument. Used by io/deadlines and nat/table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/clock.hpp"

namespace omnilink::core {

/// Derive from it (or hold it as first member). Unlinks itself when destroyed.
class timing_wheel_node {
 public:
  timing_wheel_node() = default;
  ~timing_wheel_node() { unlink(); }
  timing_wheel_node(const timing_wheel_node&) = delete;
  timing_wheel_node& operator=(const timing_wheel_node&) = delete;
  bool linked() const noexcept { return next_ != nullptr; }
  void unlink() noexcept;
  instant due() const noexcept { return due_; }

 private:
  friend class timing_wheel;
  timing_wheel_node* next_ = nullptr;
  timing_wheel_node* previous_ = nullptr;
  instant due_{};
};

class timing_wheel {
 public:
  /// Nodes fire up to one `resolution` late, never early.
  explicit timing_wheel(nanoseconds resolution, instant start = {});
  ~timing_wheel();  ///< unlinks what is still in it
  timing_wheel(const timing_wheel&) = delete;
  timing_wheel& operator=(const timing_wheel&) = delete;

  /// Links, or moves a linked node. A due time in the past is due at the next advance.
  void link(timing_wheel_node& node, instant due) noexcept;

  /// Unlinks and returns one node that is due at `now`; nullptr when none is left. Call until nullptr, or stop at any
  /// time and go on later: nothing is lost (slices).
  timing_wheel_node* pop_due(instant now) noexcept;

  /// No node is due before this; nullopt: the wheel is empty. May be earlier than the earliest node (a cascade), never later.
  std::optional<instant> next_due() const noexcept;

  // The implementer completes the private part.
};

}  // namespace omnilink::core
