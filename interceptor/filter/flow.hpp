// What callouts keep for one connection. It belongs to the connection and is used by its worker only.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/token_bucket.hpp"
#include "interceptor/filter/layer.hpp"

namespace omnilink::interceptor::filter {

class registration;

/// What several connections may share (`limit`): bytes a second, each way.
struct rates {
  rates(std::uint64_t per_second, std::uint64_t burst) noexcept : up{per_second, burst}, down{per_second, burst} {}
  core::token_bucket up, down;
};

/// What somebody outside of the service has said of the connection, for a callout that had pended.
struct outside_answer {
  layer_id at;
  std::string filter, callout;  ///< names
  std::optional<action> what;   ///< permit, block, or a permit that says which way or where to; nullopt: no opinion
  std::string_view missing;     ///< why it is the configuration's, in their place; empty: they have said it
};

class flow {
 public:
  flow() = default;
  flow(const flow&) = delete;
  flow& operator=(const flow&) = delete;
  ~flow() { end(); }

  /// Gives every context back to its callout, once; the destructor does it too.
  void end() noexcept;

  /// 0: none.
  std::uint64_t context_of(const registration& of, layer_id at) const noexcept;
  /// The latest counts: one that was there before is given back. A callout that is unregistering gets its own
  /// back.
  void associate(std::shared_ptr<registration> of, layer_id at, std::uint64_t context);

  /// The name that the first bytes tell (`sniff`): for the chain's target and the log, never for the policy.
  std::string sniffed_name;
  /// Words that filters put on the connection (`tag`), for other filters and the log.
  std::vector<std::string> tags;
  /// Each stays where it is.
  std::list<outside_answer> answers;

  /// Its bytes are held to `shared` from now on.
  void limit(std::shared_ptr<rates> shared);
  std::span<core::token_bucket* const> limits_up() const noexcept { return up_; }
  std::span<core::token_bucket* const> limits_down() const noexcept { return down_; }

 private:
  struct held {
    std::shared_ptr<registration> of;
    layer_id at;
    std::uint64_t context;
  };
  std::vector<held> contexts_;
  std::vector<std::shared_ptr<rates>> rates_;
  std::vector<core::token_bucket*> up_, down_;  // of rates_
};

}  // namespace omnilink::interceptor::filter
