#include "actors/query_access.hpp"

#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "io/unix_socket.hpp"

namespace omnilink::actors {
namespace {

// NGROUPS_MAX of Linux.
constexpr std::size_t groups_max = 65536;

std::optional<gid_t> admin_gid() {
  static std::array<char, 256 * 1024> space;  // a group's line with all its members
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r(admin_group, &entry, space.data(), space.size(), &found) != 0 || !found) return {};
  return entry.gr_gid;
}

bool in_admin_group(int fd, gid_t primary) {
  static const auto wanted = admin_gid();  // asked once: a name service may take its time
  if (!wanted) return false;
  if (primary == *wanted) return true;
  std::vector<gid_t> groups(groups_max);
  socklen_t size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) return false;
  groups.resize(size / sizeof(gid_t));
  return std::find(groups.begin(), groups.end(), *wanted) != groups.end();
}

}  // namespace

asking_peer identify(int connected_fd) {
  const auto peer = io::peer_of(connected_fd);
  if (!peer) return {};
  const bool sees_all = peer->uid == 0 || peer->uid == ::geteuid() || in_admin_group(connected_fd, peer->gid);
  return {peer->uid, sees_all};
}

bool may_see(const asking_peer& peer, const nat::entry& flow, interceptor::socket_table* sockets) {
  if (peer.sees_all) return true;
  if (peer.uid == nat::entry::unknown_uid) return false;
  if (flow.uid != nat::entry::unknown_uid) return flow.uid == peer.uid;
  // Its ports may be somebody else's by now.
  if (flow.state != nat::flow_state::live || sockets == nullptr) return false;
  // The program's socket has our peer's address as its own. Its peer is where it dialled: the original destination of a
  // redirected connection, our listener's address of an explicit one.
  const core::endpoint dialled = flow.redirected ? core::endpoint{flow.original_address, flow.original.port} : flow.key.local;
  const auto owner = sockets->owner_of(flow.key.source, dialled);
  return owner && owner->uid == peer.uid;
}

}  // namespace omnilink::actors
