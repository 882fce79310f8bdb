#include "core/timing_wheel.hpp"

#include <algorithm>
#include <bit>

namespace omnilink::core {
namespace {

// Keeps the order of signed tick numbers in unsigned ones, whose digits the wheel can take apart.
constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;

}  // namespace

void timing_wheel_node::unlink() noexcept {
  if (!linked()) return;
  previous_->next_ = next_;
  next_->previous_ = previous_;
  next_ = previous_ = nullptr;
}

void timing_wheel_node::make_head() noexcept {
  next_ = previous_ = this;
}

void timing_wheel_node::push_back(timing_wheel_node& node) noexcept {
  node.previous_ = previous_;
  node.next_ = this;
  previous_->next_ = &node;
  previous_ = &node;
}

void timing_wheel_node::take_all(timing_wheel_node& other) noexcept {
  if (other.is_empty_head()) return;
  other.next_->previous_ = previous_;
  other.previous_->next_ = this;
  previous_->next_ = other.next_;
  previous_ = other.previous_;
  other.make_head();
}

timing_wheel::timing_wheel(nanoseconds resolution, instant start)
    : resolution_{std::max<std::int64_t>(resolution.count(), 1)}, now_{start}, current_{floor_tick(start)} {
  for (auto& level : wheel_)
    for (auto& head : level) head.make_head();
  pending_.make_head();
}

timing_wheel::~timing_wheel() {
  for (auto& level : wheel_)
    for (auto& head : level) pending_.take_all(head);
  while (!pending_.is_empty_head()) pending_.next_->unlink();
}

void timing_wheel::link(timing_wheel_node& node, instant due) noexcept {
  node.unlink();
  node.due_ = due;
  place(node);
}

timing_wheel_node* timing_wheel::pop_due(instant now) noexcept {
  now_ = std::max(now_, now);
  const tick target = floor_tick(now_);
  do {
    while (!pending_.is_empty_head()) {
      timing_wheel_node& node = *pending_.next_;
      node.unlink();
      if (node.due_ <= now_) return &node;
      place(node);
    }
  } while (reach_next_slot(target));
  return nullptr;
}

std::optional<instant> timing_wheel::next_due() const noexcept {
  // Both count: where popping was given up, slots not yet reached may begin before a node that was linked
  // late.
  const auto ahead = next_slot_begin();
  if (pending_.is_empty_head()) return ahead;
  return ahead ? std::min(pending_from_, *ahead) : pending_from_;
}

std::optional<instant> timing_wheel::next_slot_begin() const noexcept {
  for (std::size_t level = 0; level < levels; ++level) {
    for (std::uint64_t left = occupied_[level]; left != 0; left &= left - 1) {
      const auto slot = static_cast<std::size_t>(std::countr_zero(left));
      if (!wheel_[level][slot].is_empty_head()) return instant_of(begin_of(level, slot));
    }
  }
  return {};
}

timing_wheel::tick timing_wheel::floor_tick(instant when) const noexcept {
  const std::int64_t ns = when.time_since_epoch().count();
  const std::int64_t whole = ns / resolution_ - (ns % resolution_ < 0);
  return static_cast<tick>(whole) ^ sign_bit;
}

timing_wheel::tick timing_wheel::ceil_tick(instant when) const noexcept {
  const std::int64_t ns = when.time_since_epoch().count();
  const std::int64_t whole = ns / resolution_ + (ns % resolution_ > 0);
  return static_cast<tick>(whole) ^ sign_bit;
}

instant timing_wheel::instant_of(tick t) const noexcept {
  const auto whole = static_cast<std::int64_t>(t ^ sign_bit);
  if (whole > instant::max().time_since_epoch().count() / resolution_) return instant::max();
  if (whole < instant::min().time_since_epoch().count() / resolution_) return instant::min();
  return instant{nanoseconds{whole * resolution_}};
}

// The first tick of a slot ahead: current_'s digits above the level, the slot's number, zeros.
timing_wheel::tick timing_wheel::begin_of(std::size_t level, std::size_t slot) const noexcept {
  const std::size_t shift = level * digit_bits;
  return ((current_ >> shift & ~tick{slots - 1}) | slot) << shift;
}

void timing_wheel::place(timing_wheel_node& node) noexcept {
  if (node.due_ <= now_) {
    pending_from_ = pending_.is_empty_head() ? node.due_ : std::min(pending_from_, node.due_);
    pending_.push_back(node);
    return;
  }
  const tick due = ceil_tick(node.due_);  // > current_, because due_ > now_
  const auto level = (63u - static_cast<unsigned>(std::countl_zero(due ^ current_))) / digit_bits;
  const std::size_t slot = due >> (level * digit_bits) & (slots - 1);
  wheel_[level][slot].push_back(node);
  occupied_[level] |= std::uint64_t{1} << slot;
}

// Moves the next slot into pending_; false: none begins by `target`. Called with pending_ empty.
bool timing_wheel::reach_next_slot(tick target) noexcept {
  const auto level = static_cast<std::size_t>(
      std::find_if(occupied_.begin(), occupied_.end(), [](auto mask) { return mask != 0; }) -
      occupied_.begin());
  if (level != levels) {
    const auto slot = static_cast<std::size_t>(std::countr_zero(occupied_[level]));
    const tick begin = begin_of(level, slot);
    if (begin <= target) {
      pending_from_ = instant_of(begin - 1);  // due times were rounded up to their tick
      pending_.take_all(wheel_[level][slot]);
      occupied_[level] &= occupied_[level] - 1;
      current_ = begin;
      return true;
    }
  }
  current_ = target;
  return false;
}

}  // namespace omnilink::core
