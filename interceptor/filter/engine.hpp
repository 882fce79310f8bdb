// The filter engine: who may decide about connections, and what they have decided so far. Changes are made by
// one thread; any number of threads classify meanwhile, each through a reader of its own, and see a whole
// policy always.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "interceptor/filter/policy.hpp"
#include "interceptor/filter/transaction.hpp"

namespace omnilink::interceptor::filter {

class engine {
 public:
  engine();
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  transaction begin() const { return {version(), *definitions_}; }
  /// Steps done of how many; for a line of progress while many filters are loaded.
  using progress = std::function<void(std::size_t done, std::size_t total)>;
  /// Empty: done, and every classify from now on sees all of it. Otherwise nothing changed, and this is what
  /// is wrong, one line each; at most errors_max. A transaction that began before another's commit is
  /// refused.
  std::vector<std::string> commit(transaction change, const progress& tell = {});
  static constexpr std::size_t errors_max = 20;

  /// Empty: the callout's code may be called; it was told of the filters that are there. Otherwise why not.
  std::string register_callout(const std::string& name, std::shared_ptr<callout> code,
                               core::nanoseconds budget = callout_budget_default);
  /// The same where other code may be there already: that gets no new calls, and back what flows hold of it.
  std::string replace_callout(const std::string& name, std::shared_ptr<callout> code,
                              core::nanoseconds budget = callout_budget_default);
  enum class unregistered : std::uint8_t {
    done,  ///< nothing calls the code any more, and the engine let it go
    busy,  ///< no new calls; but a call is running, or flows hold contexts: again later
    not_found,
  };
  unregistered unregister_callout(std::string_view name);
  callout_state state_of(std::string_view callout) const;
  /// Those with code that no owner has added, or any more.
  std::vector<std::string> unnamed_callouts() const;
  /// The code that is called; null: none.
  std::shared_ptr<callout> code_of(std::string_view callout) const;

  const filter_counters* counters_of(filter_id id) const;
  const definitions& defined() const noexcept { return *definitions_; }

  // What other threads may call.
  std::shared_ptr<const policy> current() const noexcept;
  /// Grows with every commit.
  std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

 private:
  class lock;
  struct change;
  void check(transaction& t, const progress& tell) const;
  std::string wrong_reference(const filter& f, const definitions& in, bool is_new) const;
  void give_slots(definitions& to);
  std::string take_up(const std::string& name, std::shared_ptr<callout> code, core::nanoseconds budget);
  policy::parts compile(const transaction& t, const progress& tell) const;
  std::string notify_added(const std::vector<change>& changes) const;
  void publish(std::shared_ptr<const policy> next) noexcept;

  std::shared_ptr<const definitions> definitions_;
  std::map<std::string, std::shared_ptr<callout_slot>, std::less<>> slots_;
  std::vector<std::shared_ptr<registration>> replaced_;  // flows still hold contexts of them
  std::atomic<std::uint64_t> version_{0};
  // std::atomic<std::shared_ptr> of libstdc++ 12 is such a lock too, with an unlock that is too relaxed.
  mutable std::atomic_flag locked_;
  std::shared_ptr<const policy> policy_;
};

/// One thread's view of the engine: asking costs one atomic load while nothing changes.
class reader {
 public:
  explicit reader(const engine& from) : from_{from} {}
  /// Valid until the next call.
  const policy& now() noexcept {
    if (const std::uint64_t latest = from_.version(); latest != version_ || !held_) {
      held_ = from_.current();
      version_ = latest;
    }
    return *held_;
  }
  /// To hold on to what a decision points to.
  const std::shared_ptr<const policy>& held() noexcept {
    now();
    return held_;
  }

 private:
  const engine& from_;
  std::uint64_t version_ = 0;
  std::shared_ptr<const policy> held_;
};

}  // namespace omnilink::interceptor::filter
