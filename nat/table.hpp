// One shard of the NAT store: which flow came from where, and where it wanted to go. Pure: no sockets, no
// threads, no clock; `now` is an argument. Used by its worker only. No call but list() and find_source() does
// work that grows with the table's size. A flow costs at most 320 bytes, plus the length of names over 15
// characters; memory is given back after flows have expired.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/errc.hpp"
#include "nat/entry.hpp"

namespace omnilink::nat {

struct config {
  std::size_t capacity = 65536;                         ///< flows over all shards; 1 to 16 Mi
  core::nanoseconds linger = std::chrono::seconds{30};  ///< how long a closed flow still answers; 0 s to 1 h
  core::nanoseconds ttl = std::chrono::minutes{10};  ///< of flows that omnilink does not carry; 1 s to 24 h
  /// Empty: valid; otherwise what is wrong, naming the key.
  std::string validate() const;
};

struct stats {
  std::size_t live = 0;       ///< carried by omnilink
  std::size_t announced = 0;  ///< live, carried by another program
  std::size_t closed = 0;     ///< lingering
  std::size_t capacity = 0;
  std::uint64_t inserted = 0;  ///< since start, like all below
  std::uint64_t expired = 0;   ///< lingered to the end, or less because a new flow needed the room; or its TTL was over
  std::uint64_t refused = 0;   ///< table full
  std::uint64_t replaced = 0;  ///< the key was used again before its entry expired
  std::uint64_t erased = 0;    ///< because somebody asked for it
  stats& operator+=(const stats& other) noexcept;
};

/// Hears of every flow as it begins and ends, each once, from inside the call that does it; must not call the table.
class watcher {
 public:
  virtual void opened(const entry& flow) = 0;
  /// It was closed, or was forgotten while it was live.
  virtual void ended(const entry& flow) = 0;

 protected:
  ~watcher() = default;
};

class table {
 public:
  /// `capacity` is this shard's own share.
  table(config settings, std::size_t capacity, core::instant start);
  ~table();
  table(table&&) noexcept;
  table& operator=(table&&) noexcept;

  struct inserted {
    core::errc code;  ///< ok, or limit_reached: full of live flows (closed ones make room, oldest first), or …
    std::uint64_t generation;  ///< stamps this use of the key; 0 on failure
  };
  /// Records a live flow that omnilink carries. Its `generation`, `created`, `closed`, `due`, `state` and `carrier`
  /// are set here. An entry of the same key is replaced.
  inserted insert(entry flow, core::instant now);
  /// Likewise one that another program carries; it lives for the TTL. The same flow again (key, destination, program) begins its TTL
  /// anew and keeps its generation; a question does not, or whoever asks could keep the dead alive. … permission_denied: omnilink
  /// carries a live flow with this key. At most half of the table is theirs, so that they never refuse a connection.
  inserted announce(entry flow, core::instant now);
  /// The flow ended: it lingers from `now` on, then the sweep takes it. Closing twice changes nothing. False:
  /// another generation, or unknown.
  bool close(const core::flow_key& key, std::uint64_t generation, core::instant now);
  /// nullptr: a miss. Valid until the next non-const call.
  const entry* find(const core::flow_key& key) const noexcept;
  /// All flows of that source, newest first; an unspecified address means: any address with that port. An
  /// IPv4 address and its form inside IPv6 are the same.
  std::vector<entry> find_source(const core::endpoint& source) const;
  /// ok; not_found; permission_denied: live and carried by omnilink, which is never erased. `generation` 0: any.
  core::errc erase(const core::flow_key& key, std::uint64_t generation = 0);
  /// At most `limit` entries (at least 1) in no particular order, from `cursor` (0: the start) on; `next` 0:
  /// the end. Entries that stay in the table through the whole walk are seen exactly once.
  struct page {
    std::vector<entry> entries;
    std::uint64_t next = 0;
  };
  page list(std::uint64_t cursor, std::size_t limit) const;
  /// Takes at most `limit` expired entries; returns how many. A slice: call again while it returns `limit`.
  std::size_t sweep(core::instant now, std::size_t limit);
  /// The memory of flows that are gone, in slices, too; false: there is no more to give.
  bool give_back_memory() noexcept;
  /// Nothing can expire before this; nullopt: nothing will.
  std::optional<core::instant> next_due() const noexcept;
  nat::stats stats() const noexcept;
  /// From now on; nullptr: nobody. It outlives the table, or another call of this.
  void watch(watcher* who) noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace omnilink::nat
