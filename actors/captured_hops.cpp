#include "actors/captured_hops.hpp"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "interceptor/cgroup/place.hpp"
#include "interceptor/cgroup_paths.hpp"
#include "interceptor/listening_owner.hpp"
#include "io/host_addresses.hpp"
#include "io/log.hpp"

namespace omnilink::actors {
namespace {

using core::capture;

bool is_here(const core::address& where, const std::vector<core::address>& own) {
  return where.is_loopback() || std::ranges::find(own, where) != own.end();
}

// Every condition about who it is that the capture has, and the kernel's say of the socket.
bool takes(const interceptor::listener_config& listener, const interceptor::socket_owner& owner, interceptor::cgroup_paths& groups) {
  const capture& what = listener.capture;
  if (!interceptor::captures(listener.kind) || what.direction != capture::way::out || what.deny != 0) return false;
  // Packets of our own user's are left alone, programs of that user are not.
  if (listener.kind != interceptor::listen_kind::cgroup && owner.uid == ::getuid()) return false;
  if (!what.gids.empty() || !what.executables.empty() || !what.processes.empty() || !what.pids.empty()) return false;
  if (!what.uids.empty() && std::ranges::find(what.uids, owner.uid) == what.uids.end()) return false;
  if (what.cgroup.empty() || what.cgroup == "/") return true;
  const std::string group = groups.find(owner.cgroup);
  return what.cgroup.starts_with('/') && !group.empty() && interceptor::cgroup::is_at_or_below(group, what.cgroup);
}

}  // namespace

void say_captured_hops(const configuration& of) {
  if (std::ranges::none_of(of.listeners, [](const auto& l) { return interceptor::captures(l.kind); })) return;
  const io::descriptor diag = interceptor::open_sock_diag();
  const std::vector<core::address> own = io::host_addresses();
  interceptor::cgroup_paths groups;
  std::set<std::pair<std::string, std::string>> said;
  for (const chain::chain& way : of.chains) {
    if (way.is_direct() || way.is_reject()) continue;
    const chain::hop& first = way.hops.front();
    if (first.where.is_name() || !is_here(first.where.address, own)) continue;
    const auto owner = interceptor::owner_of_listener(diag.get(), first.where.endpoint());
    for (const auto& listener : of.listeners) {
      if (!owner || !takes(listener, *owner, groups) || !said.emplace(first.name, listener.to_string()).second) continue;
      io::log::line(io::log::level::warn, "hop-captured",
                    {{"hop", first.name}, {"listener", listener.to_string()}, {"uid", owner->uid},
                     {"meaning", "the hop is on this machine, and where this listener takes what it opens, that comes back to it: a loop"},
                     {"remedy", "leave its user out of capture (for redirect and tproxy: run it as omnilink's own), or let a rule send it direct"}});
    }
  }
}

}  // namespace omnilink::actors
