// What callouts keep for one connection. It belongs to the connection and is used by its worker only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "interceptor/filter/layer.hpp"

namespace omnilink::interceptor::filter {

class registration;

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
  /// Words that filters put on the connection (`tag`), for the log and metrics.
  std::vector<std::string> tags;

 private:
  struct held {
    std::shared_ptr<registration> of;
    layer_id at;
    std::uint64_t context;
  };
  std::vector<held> contexts_;
};

}  // namespace omnilink::interceptor::filter
