// What a worker tells of its flows while somebody has subscribed to them (wire/nat_query.hpp): gathered for some milliseconds, then
// sent to control's feed at once. What the feed cannot take is counted instead: nothing here waits, or grows.
#pragma once

#include <cstdint>
#include <vector>

#include "io/deadlines.hpp"
#include "nat/table.hpp"

namespace omnilink::actors {

class flow_feed;

struct flow_event {
  bool opened;  ///< otherwise ended
  nat::entry flow;
};

struct flow_events {
  std::vector<flow_event> all;  ///< in their order
  std::uint32_t lost = 0;       ///< before these
};

class flow_news final : public nat::watcher {
 public:
  /// Of this table, on its thread.
  flow_news(nat::table& flows, io::deadlines& deadlines) : flows_{flows}, due_{deadlines} {}
  ~flow_news() { flows_.watch(nullptr); }
  flow_news(const flow_news&) = delete;
  flow_news& operator=(const flow_news&) = delete;

  /// While the feed has subscribers; call again when that changes.
  void look_at(flow_feed& feed);
  /// Some subscribers may see their own flows only: of a flow that begins, its owner must be known.
  bool asks_for_owners() const noexcept;

  void opened(const nat::entry& flow) override { add(true, flow); }
  void ended(const nat::entry& flow) override { add(false, flow); }

 private:
  void add(bool opened, const nat::entry& flow);
  void tell();

  nat::table& flows_;
  flow_feed* feed_ = nullptr;  // while there are subscribers
  flow_events gathered_;
  io::deadlines::timer due_;
};

}  // namespace omnilink::actors
