#include "interceptor/cgroup/redirection.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "interceptor/bpf/load_failure.hpp"
#include "interceptor/bpf/network_key.hpp"
#include "interceptor/bpf/pins.hpp"
#include "interceptor/cgroup/conditions.hpp"
#include "interceptor/cgroup/loading.hpp"
#include "interceptor/cgroup/place.hpp"
#include "interceptor/cgroup/shared.h"
#include "io/accept.hpp"
#include "io/error.hpp"
// Last: it knows the types of shared.h by their names only.
#include "interceptor/cgroup/connect.skel.h"

namespace omnilink::interceptor::cgroup {
namespace {

using problem = std::optional<failure>;
using boost::system::in_place_error;

// A source port has one entry for each address that it is used from: mostly 127.0.0.1, then ::1.
constexpr std::uint32_t arrivals_max = 2 * 65536, unusual_max = 16384, ports_max = 65536, onward_max = 65536;
constexpr std::string_view no_other_way;
constexpr std::uint32_t news_bytes = 256 * 1024;  // about 1700, until somebody listens

omnilink_source source_of(const core::endpoint& from) {
  omnilink_source out{};
  bpf::put(from.address, out.address);
  out.port = from.port;
  return out;
}

omnilink_path path_of(const core::endpoint& from, std::uint16_t listener) {
  omnilink_path out{};
  bpf::put(from.address, out.address);
  out.port = from.port;
  out.listener = listener;
  return out;
}

core::endpoint to_endpoint(const omnilink_source& from) {
  return {to_address(from.address), static_cast<std::uint16_t>(from.port)};
}

arrival to_arrival(const omnilink_source& source, const omnilink_arrival& known) {
  // Only what a program opened has its socket's cookie.
  return {to_origin(known.origin), to_endpoint(source), known.socket, core::nanoseconds{known.since}, known.origin.cookie == 0};
}

// "/a/b" of "/a/b/c" and "/a/b".
std::string common_path(const std::string& one, const std::string& other) {
  std::string out = one;
  while (!is_at_or_below(other, out)) out.resize(std::max<std::size_t>(out.rfind('/'), 1));
  return out;
}

// Not here: 127.0.0.1 is another machine's, so to say. What cannot be seen is not judged.
bool lives_elsewhere(std::uint32_t pid) {
  struct stat here{}, there{};
  return ::stat("/proc/thread-self/ns/net", &here) == 0 && ::stat(("/proc/" + std::to_string(pid) + "/ns/net").c_str(), &there) == 0 &&
         here.st_ino != there.st_ino;
}

boost::system::result<place, std::string> place_for(const core::capture& what) {
  for (const std::uint32_t pid : what.pids) {
    if (!begin_of(pid)) return {in_place_error, "there is no process " + std::to_string(pid)};
    if (lives_elsewhere(pid))
      return {in_place_error, "process " + std::to_string(pid) + " is in another network namespace, where the listener is not; run there"};
  }
  if (!what.cgroup.empty() || what.pids.empty()) return find_place(what.cgroup);
  std::string path;
  for (const std::uint32_t pid : what.pids) {
    auto one = place_of(pid);
    if (one.has_error()) return one;
    path = path.empty() ? one->path : common_path(path, one->path);
  }
  return find_place(path);
}

}  // namespace

struct redirection::state {
  struct end_of_news {
    void operator()(ring_buffer* b) const noexcept { ring_buffer__free(b); }
  };

  borrowed_listener wanted;
  place programs_at;
  programs loaded;
  std::array<link, at_cgroup> links;
  link at_agent;
  std::unique_ptr<ring_buffer, end_of_news> news;
  const listener* told = nullptr;  // by hear_news()

  int fd(const bpf_map* map) const noexcept { return bpf_map__fd(map); }
  problem load();
  problem attach_all();
  std::optional<arrival> known(const core::endpoint& source) const;
  std::optional<arrival> on_the_way(const core::endpoint& source) const;
  std::vector<core::endpoint> sources_at(std::uint16_t port) const;
};

problem redirection::state::load() {
  const std::uint64_t netns = bpf::netns_cookie();
  if (netns == 0) return failure{ENOSYS, "this kernel has no cookies of network namespaces; Linux 5.14 has"};
  const auto begin = begin_of(wanted.agent);
  if (!begin) return failure{ESRCH, "there is no process " + std::to_string(wanted.agent) + " that could have the listener"};
  const bpf::listening ears;
  loaded.reset(connect_programs__open());
  if (!loaded) return bpf::load_failure(errno, no_other_way);
  auto& capture = loaded->rodata->capture;
  capture.netns = netns;
  capture.port_v4 = capture.port_v6 = wanted.port;
  capture.borrowed = 1;
  capture.incoming = wanted.incoming != 0;
  set_constants(wanted.what, *loaded);
  bpf_map__set_max_entries(loaded->maps.arrivals, arrivals_max);
  bpf_map__set_max_entries(loaded->maps.unusual, unusual_max);
  bpf_map__set_max_entries(loaded->maps.news, news_bytes);
  if (wanted.incoming != 0) {
    bpf_map__set_max_entries(loaded->maps.listened, ports_max);
    bpf_map__set_max_entries(loaded->maps.onward, onward_max);
  }
  if (const int error = connect_programs__load(loaded.get()); error != 0) return bpf::load_failure(-error, no_other_way);
  if (auto no = fill_maps(wanted.what, *loaded)) return no;
  const __u64 of_agent = *begin;
  if (bpf_map_update_elem(fd(loaded->maps.own_processes), &wanted.agent, &of_agent, BPF_ANY) != 0) return bpf::load_failure(errno, no_other_way);
  news.reset(ring_buffer__new(
      fd(loaded->maps.news),
      [](void* self, void* data, std::size_t) {
        const auto* one = static_cast<const omnilink_news*>(data);
        (*static_cast<state*>(self)->told)(to_arrival(one->source, one->arrival), one->closed != 0);
        return 0;
      },
      this, nullptr));
  if (!news) return bpf::load_failure(errno, no_other_way);
  return std::nullopt;
}

// Accepted sockets are seen in the cgroup of their listener, which is mostly its process's. Before anything is captured.
problem redirection::state::attach_all() {
  auto agent_at = place_of(wanted.agent);
  if (agent_at.has_error()) return failure{ENOENT, agent_at.error()};
  if (!is_at_or_below(agent_at->path, programs_at.path)) {
    at_agent.reset(bpf_program__attach_cgroup(loaded->progs.sockets, agent_at->directory.get()));
    if (!at_agent) return attach_failure(*agent_at, errno, no_other_way);
  }
  return cgroup::attach(*loaded, programs_at, links, no_other_way);
}

std::optional<arrival> redirection::state::known(const core::endpoint& source) const {
  const omnilink_source key = source_of(source);
  omnilink_arrival value;
  if (bpf_map_lookup_elem(fd(loaded->maps.arrivals), &key, &value) != 0) return std::nullopt;
  return to_arrival(key, value);
}

// Not accepted yet; or where the listener is of another cgroup than its process, not seen.
std::optional<arrival> redirection::state::on_the_way(const core::endpoint& source) const {
  const omnilink_path key = path_of(source, wanted.port);
  omnilink_origin value;
  if (bpf_map_lookup_elem(fd(loaded->maps.on_the_way), &key, &value) != 0) return std::nullopt;
  arrival out;
  out.origin = to_origin(value);
  out.source = source;
  return out;
}

std::vector<core::endpoint> redirection::state::sources_at(std::uint16_t port) const {
  // Whence a connection to 127.0.0.1 or ::1 comes, unless its program chose another address.
  std::vector<core::endpoint> out{{core::address::v4(0x7f000001), port}, {*core::address::parse("::1"), port}};
  const __u32 key = port;
  omnilink_unusual more;
  if (bpf_map_lookup_elem(fd(loaded->maps.unusual), &key, &more) != 0) return out;
  for (const auto& address : more.address) {
    if (address[2] != 0 || address[3] != 0) out.push_back({to_address(address), port});
  }
  return out;
}

redirection::redirection() : state_{std::make_unique<state>()} {}
redirection::~redirection() = default;

problem redirection::load(const borrowed_listener& wanted) {
  state_->wanted = wanted;
  auto where = place_for(wanted.what);
  if (where.has_error()) return failure{ESRCH, where.error()};
  state_->programs_at = std::move(*where);
  return state_->load();
}

problem redirection::attach() {
  const bpf::listening ears;
  return state_->attach_all();
}

std::uint16_t redirection::port() const noexcept { return state_->wanted.port; }

// What captures first; what answers for the rest goes last.
void redirection::stop() noexcept {
  for (auto one = state_->links.rbegin(); one != state_->links.rend(); ++one) one->reset();
  state_->at_agent.reset();
}

redirection::found redirection::from(const core::endpoint& source) const {
  auto one = state_->known(source);
  if (!one) one = state_->on_the_way(source);
  return one ? found{1, std::move(*one)} : found{};
}

redirection::found redirection::from_port(std::uint16_t port) const {
  found out;
  for (const auto& source : state_->sources_at(port)) {
    auto one = from(source);
    if (one.matches > 0) out = {out.matches + 1, std::move(one.one)};
  }
  return out;
}

boost::system::result<arrival, core::errc> redirection::of(int accepted_fd) const {
  omnilink_origin value;
  if (bpf_map_lookup_elem(state_->fd(state_->loaded->maps.origins), &accepted_fd, &value) != 0)
    return {in_place_error, errno == ENOENT ? core::errc::not_redirected : io::to_errc_from_errno(errno)};
  arrival out;
  out.origin = to_origin(value);
  out.source = io::peer_address(accepted_fd);
  out.source.address = out.source.address.unmapped();
  out.socket = io::socket_cookie(accepted_fd);
  // Only there: when. The same place may have a later connection by now.
  if (const auto now = state_->known(out.source); now && now->socket == out.socket) out.since = now->since;
  return out;
}

bool redirection::forget(std::uint16_t port) const {
  bool any = false;
  for (const auto& source : state_->sources_at(port)) {
    const omnilink_source accepted = source_of(source);
    const omnilink_path coming = path_of(source, state_->wanted.port);
    if (bpf_map_delete_elem(state_->fd(state_->loaded->maps.arrivals), &accepted) == 0) any = true;
    if (bpf_map_delete_elem(state_->fd(state_->loaded->maps.on_the_way), &coming) == 0) any = true;
  }
  return any;
}

int redirection::listened_fd() const noexcept { return state_->fd(state_->loaded->maps.listened); }
int redirection::onward_fd() const noexcept { return state_->fd(state_->loaded->maps.onward); }

// One that has come since is counted already.
void redirection::add_listened(std::uint16_t port) const {
  const __u32 key = port, one = 1;
  __u32 now = 0;
  if (bpf_map_lookup_elem(listened_fd(), &key, &now) == 0 && now == 0) bpf_map_update_elem(listened_fd(), &key, &one, BPF_ANY);
}

int redirection::news_fd() const noexcept { return state_->news ? ring_buffer__epoll_fd(state_->news.get()) : -1; }

void redirection::hear_news(const listener& to) {
  if (!state_->news) return;
  state_->told = &to;
  ring_buffer__consume(state_->news.get());
  state_->told = nullptr;
}

problem why_not_here() {
  if (mount_point().empty()) return failure{ENOENT, find_place("/").error()};
  return load_once(no_other_way);
}

}  // namespace omnilink::interceptor::cgroup
