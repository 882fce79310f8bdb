// Who is who at the moment: the supervisor writes it when it (re)starts an actor, everybody else asks it whom to ask. Off
// the hot path: a worker reaches its own shard without it.
#pragma once

#include <mutex>
#include <vector>

#include "actors/protocol.hpp"

namespace omnilink::actors {

class directory {
 public:
  explicit directory(std::size_t workers) : shards_(workers), forwarders_(workers) {}

  nat_shard_actor shard(std::size_t worker) const { return get(shards_[worker]); }
  forwarder_actor forwarder(std::size_t worker) const { return get(forwarders_[worker]); }
  interceptor_actor interceptor() const { return get(interceptor_); }
  query_endpoint_actor query_endpoint() const { return get(query_endpoint_); }
  hop_monitor_actor hop_monitor() const { return get(hop_monitor_); }
  supervisor_actor supervisor() const { return get(supervisor_); }
  std::size_t workers() const noexcept { return shards_.size(); }

  void set_shard(std::size_t worker, nat_shard_actor who) { set(shards_[worker], std::move(who)); }
  void set_forwarder(std::size_t worker, forwarder_actor who) { set(forwarders_[worker], std::move(who)); }
  void set_interceptor(interceptor_actor who) { set(interceptor_, std::move(who)); }
  void set_query_endpoint(query_endpoint_actor who) { set(query_endpoint_, std::move(who)); }
  void set_hop_monitor(hop_monitor_actor who) { set(hop_monitor_, std::move(who)); }
  void set_supervisor(supervisor_actor who) { set(supervisor_, std::move(who)); }

 private:
  template <class Handle>
  Handle get(const Handle& slot) const {
    const std::lock_guard lock{mutex_};
    return slot;
  }
  template <class Handle>
  void set(Handle& slot, Handle who) {
    const std::lock_guard lock{mutex_};
    slot = std::move(who);
  }

  mutable std::mutex mutex_;
  std::vector<nat_shard_actor> shards_;
  std::vector<forwarder_actor> forwarders_;
  interceptor_actor interceptor_;
  query_endpoint_actor query_endpoint_;
  hop_monitor_actor hop_monitor_;
  supervisor_actor supervisor_;
};

}  // namespace omnilink::actors
