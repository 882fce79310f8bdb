// A hierarchical timing wheel of intrusive nodes: link, unlink and move are O(1), expiry is amortised O(1),
// nothing allocates, and next_due() lets its driver sleep. Pure: time is an argument. Used by io/deadlines.
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
  // A list is a ring through a head, which is a node of no due time.
  void make_head() noexcept;
  bool is_empty_head() const noexcept { return next_ == this; }
  void push_back(timing_wheel_node& node) noexcept;
  void take_all(timing_wheel_node& other) noexcept;

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

  /// Unlinks and returns one node that is due at `now`; nullptr when none is left. Call until nullptr, or
  /// stop at any time and go on later: nothing is lost (slices).
  timing_wheel_node* pop_due(instant now) noexcept;

  /// Sleep until here: pop_due() returns nothing before it, and called then meets every due time within one
  /// resolution. May be earlier than the earliest node (a cascade: pop_due() then moves nodes and returns
  /// none). nullopt: empty.
  std::optional<instant> next_due() const noexcept;

 private:
  // Instants are counted in ticks of one resolution. A level is one 6-bit digit of a tick; the
  // eleven levels cover all 64 bits, so no instant is out of range and nothing ever wraps.
  using tick = std::uint64_t;
  static constexpr unsigned digit_bits = 6;
  static constexpr std::size_t slots = 1u << digit_bits;  // one bit each of a 64-bit mask
  static constexpr std::size_t levels = (64 + digit_bits - 1) / digit_bits;

  tick floor_tick(instant when) const noexcept;
  tick ceil_tick(instant when) const noexcept;
  instant instant_of(tick t) const noexcept;
  tick begin_of(std::size_t level, std::size_t slot) const noexcept;
  std::optional<instant> next_slot_begin() const noexcept;
  void place(timing_wheel_node& node) noexcept;
  bool reach_next_slot(tick target) noexcept;

  const std::int64_t resolution_;
  instant now_;   // the latest that pop_due was told
  tick current_;  // every slot up to here is in pending_ or was handed out; <= floor_tick(now_)
  // A node at level L agrees with current_ in all digits above L and is greater in digit L. So the lowest set
  // bit of the lowest level that has one is the next slot to come. A set bit whose slot was emptied by
  // unlink() is cleared when reached.
  std::array<std::uint64_t, levels> occupied_{};
  std::array<std::array<timing_wheel_node, slots>, levels> wheel_;  // heads of circular lists
  timing_wheel_node pending_;  // head: nodes of slots that were reached, due or to be placed on a lower level
  instant pending_from_{};     // no node in pending_ is due before this
};

}  // namespace omnilink::core
