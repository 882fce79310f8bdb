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
  /// Both outlive it.
  flow_record(worker& home, const core::flow_key& key) : home_{home}, key_{key} {}
  flow_record(const flow_record&) = delete;
  flow_record& operator=(const flow_record&) = delete;

  /// The shard is this worker's, wherever the kernel steers.
  bool belongs_here() const noexcept { return &shard_owner() == &home_; }
  /// Recorded, or why not. Another one may follow once it is closed.
  core::errc open_here(nat::entry flow);
  io::task<core::errc> open_there(const nat::entry& flow);
  /// It lingers, then the shard's sweep takes it. Once for each that was opened.
  void close();

 private:
  worker& shard_owner() const noexcept;
  core::errc opened(const nat_inserted& made) noexcept;

  worker& home_;
  const core::flow_key& key_;
  std::uint64_t generation_ = 0;  // 0: none is open
};

}  // namespace omnilink::actors
