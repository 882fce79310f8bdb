// The code behind a callout's name, while it is registered: who may call it, and who still needs it.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "interceptor/filter/callout.hpp"

namespace omnilink::interceptor::filter {

/// Made by register, left by unregister; flows hold it until their contexts are given back.
class registration : public std::enable_shared_from_this<registration> {
 public:
  registration(std::shared_ptr<callout> code, core::nanoseconds budget) noexcept
      : code_{std::move(code)}, budget_{budget} {}

  enum class result : std::uint8_t { done, left, threw, over_budget };
  result classify(const values& known, const metadata& about, layer_data data, const filter& by,
                  classify_out& out) noexcept;
  std::string notify(callout::event what, const filter& about) noexcept;

  /// No new calls and contexts from now on. True: nothing is left that needs the code, and it was let go.
  bool leave() noexcept;
  bool is_left() const noexcept { return left_.load(); }
  /// By the one thread that changes the engine.
  const std::shared_ptr<callout>& code() const noexcept { return code_; }

  /// A flow takes a context into its care; false: unregistering, it may not.
  bool hold_context() noexcept;
  /// Whoever calls it holds the context, or is inside of classify().
  void flow_delete(layer_id layer, std::uint64_t context) noexcept;
  void let_context_go() noexcept { contexts_.fetch_sub(1); }

 private:
  // Both counters are raised before left_ is read, and left_ is set before they are read, all in one order
  // (seq_cst): so either the caller sees that it came too late, or leave() sees the caller.
  std::atomic<bool> left_{false};
  std::atomic<std::uint32_t> calls_{0};
  std::atomic<std::uint64_t> contexts_{0};
  std::shared_ptr<callout> code_;
  const core::nanoseconds budget_;
};

/// A callout's name. The compiled filters refer to it; the code comes and goes.
class callout_slot {
 public:
  /// nullptr: not registered.
  registration* current() const noexcept { return current_.load(std::memory_order_acquire); }

  /// By the one thread that changes the engine.
  void set(std::shared_ptr<registration> r) {
    if (r) kept_.push_back(r);
    current_.store(r.get(), std::memory_order_release);
  }

 private:
  std::atomic<registration*> current_{nullptr};
  std::vector<std::shared_ptr<registration>> kept_;  // a reader may still look at an old one; they are small
};

}  // namespace omnilink::interceptor::filter
