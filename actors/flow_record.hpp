// A connection's entry in its NAT shard: from the moment that its destination is known, until it is over.
#pragma once

#include <cstdint>

#include "actors/ruling.hpp"
#include "core/flow_key.hpp"
#include "io/task.hpp"

namespace omnilink::actors {

/// What the store is to know of a connection, as far as the rules go by it. `way`: null, none.
nat::entry entry_of(const core::flow_key& key, const core::target& original, const core::program_ptr& program, const ruling& ruled, const chain::chain* way);

class flow_record {
 public:
  flow_record(worker& home, const core::flow_key& key) : home_{home}, key_{key} {}
  flow_record(const flow_record&) = delete;
  flow_record& operator=(const flow_record&) = delete;

  /// Recorded, or why not. Another one may follow once it is closed.
  io::task<core::errc> open(const nat::entry& flow);
  /// It lingers, then the shard's sweep takes it. Once for each open().
  void close();

 private:
  worker& shard_owner() const noexcept;

  worker& home_;
  const core::flow_key key_;
  std::uint64_t generation_ = 0;  // 0: none is open
};

}  // namespace omnilink::actors
