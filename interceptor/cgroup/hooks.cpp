#include "interceptor/cgroup/hooks.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include "interceptor/bpf/load_failure.hpp"
#include "interceptor/bpf/pins.hpp"
#include "interceptor/cgroup/conditions.hpp"
#include "interceptor/cgroup/loading.hpp"
#include "interceptor/cgroup/place.hpp"
#include "interceptor/cgroup/shared.h"
#include "io/descriptor.hpp"
#include "io/host_addresses.hpp"
// Last: it knows the types of shared.h by their names only.
#include "interceptor/cgroup/connect.skel.h"

namespace omnilink::interceptor::cgroup {
namespace {

using problem = std::optional<failure>;

constexpr std::size_t at_service = 2;
std::array<bpf_program*, at_service> of_service(const connect_programs& p) { return {p.progs.option, p.progs.sockets}; }

}  // namespace

bool built_in() noexcept { return true; }

struct hooks::state {
  struct attached {
    attachment wanted;
    place where;
    programs loaded;
    std::array<link, at_cgroup> links;
    unsigned pins = 0;  // names given so far
  };

  std::uint64_t netns = bpf::netns_cookie();
  bool first_pids = in_first_pid_namespace();
  io::descriptor alone;  // the name that says: a service with cgroup listeners is in this network namespace
  place own;
  std::uint64_t own_cgroup = 0;
  // One of each for all captures, and for those of the next reload.
  std::array<io::descriptor, 6> shared;
  std::vector<attached> all;
  std::array<link, at_service> of_service_links;
  bpf::pin_folder pins;
  io::descriptor addresses, made_cgroups, news;
  pid_t worker = 0;

  problem install(const std::vector<attachment>& wanted);
  problem begin();
  problem load(const attachment& wanted, attached& into);
  problem attach_new(attached& fresh);
  problem replace(attached& old, attached& fresh);
  problem attach_service();
  problem pin(std::size_t index);
  void unpin(attached& one) noexcept;
  void tell_worker() const;
  void watch();
  problem follow(std::size_t index);
};

namespace {

std::array<bpf_map*, 6> shared_maps(const connect_programs& p) {
  return {p.maps.dialled, p.maps.origins, p.maps.listeners, p.maps.on_the_way, p.maps.own_processes, p.maps.exe_paths};
}
enum shared_map : std::size_t { dialled, origins, listeners, on_the_way, own_processes, exe_paths };

// Two services in one network namespace could send each other's connections in circles. An abstract socket's name is the
// namespace's, and goes with its holder.
io::descriptor claim_namespace() {
  io::descriptor out{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
  constexpr std::string_view text{"\0omnilink-cgroup", 16};
  std::ranges::copy(text, name.sun_path);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size());
  if (!out || ::bind(out.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) return {};
  return out;
}

}  // namespace

problem hooks::state::begin() {
  if (alone) return std::nullopt;
  auto found = own_place();
  if (found.has_error()) return failure{ENOENT, found.error()};
  own = std::move(*found);
  // The process is the better mark: others may come into this cgroup later.
  own_cgroup = !first_pids && is_ours_alone(own) ? own.id : 0;
  if (own_cgroup == 0 && !first_pids)
    return failure{EINVAL, "omnilink shares cgroup " + own.path + " with others, in a PID namespace of its own, so its connections cannot be "
                           "told from theirs: start it in a cgroup of its own"};
  if (netns == 0) return failure{ENOSYS, "this kernel has no cookies of network namespaces; Linux 5.14 has"};
  alone = claim_namespace();
  if (!alone)
    return failure{errno, "another omnilink with cgroup listeners runs in this network namespace; give its configuration the [[listen]] of "
                          "this one"};
  return std::nullopt;
}

problem hooks::state::load(const attachment& wanted, attached& into) {
  auto found = find_place(wanted.what.cgroup);
  if (found.has_error()) return failure{ENOENT, found.error()};
  into.wanted = wanted;
  into.where = std::move(*found);
  into.loaded.reset(connect_programs__open());
  if (!into.loaded) return bpf::load_failure(errno);
  auto& capture = into.loaded->rodata->capture;
  capture.netns = netns;
  capture.own_cgroup = own_cgroup;
  capture.port_v4 = wanted.port_v4;
  capture.port_v6 = wanted.port_v6;
  capture.closed = wanted.fail_closed;
  set_constants(wanted.what, *into.loaded);
  const auto maps = shared_maps(*into.loaded);
  for (std::size_t i = 0; i < maps.size(); ++i) {
    if (shared[i] && bpf_map__reuse_fd(maps[i], shared[i].get()) != 0) return bpf::load_failure(errno);
  }
  if (const int error = connect_programs__load(into.loaded.get()); error != 0) return bpf::load_failure(-error);
  for (std::size_t i = 0; i < maps.size(); ++i) {
    if (!shared[i]) shared[i] = io::descriptor{::fcntl(bpf_map__fd(maps[i]), F_DUPFD_CLOEXEC, 0)};
  }
  if (auto no = fill_maps(wanted.what, *into.loaded)) return no;
  constexpr __u8 yes = 1;
  for (const int socket : wanted.sockets) {
    if (bpf_map_update_elem(shared[listeners].get(), &socket, &yes, BPF_ANY) != 0) return bpf::load_failure(errno);
  }
  return std::nullopt;
}

problem hooks::state::attach_new(attached& fresh) { return attach(*fresh.loaded, fresh.where, fresh.links, bpf::fallback); }

// Each link goes from one program to the next in one step; the maps of connections on their way are the same.
problem hooks::state::replace(attached& old, attached& fresh) {
  const auto before = of_cgroup(*old.loaded), after = of_cgroup(*fresh.loaded);
  for (std::size_t i = 0; i < at_cgroup; ++i) {
    if (bpf_link__update_program(old.links[i].get(), after[i]) == 0) continue;
    const int error = errno;
    while (i-- > 0) bpf_link__update_program(old.links[i].get(), before[i]);
    return attach_failure(fresh.where, error, bpf::fallback);
  }
  fresh.links = std::move(old.links);
  fresh.pins = old.pins;
  return std::nullopt;
}

// Where the service runs connections are accepted, and somebody may ask where they wanted to go.
problem hooks::state::attach_service() {
  const attached& first = all.front();
  const bool seen = std::ranges::any_of(all, [&](const attached& a) { return is_at_or_below(own.path, a.where.path); });
  const auto those = of_service(*first.loaded);
  for (std::size_t i = 0; i < (seen ? 1 : at_service); ++i) {
    if (of_service_links[i] && bpf_link__update_program(of_service_links[i].get(), those[i]) == 0) continue;
    of_service_links[i].reset(bpf_program__attach_cgroup(those[i], own.directory.get()));
    if (!of_service_links[i]) return attach_failure(own, errno, bpf::fallback);
  }
  if (seen) of_service_links[1].reset();
  return std::nullopt;
}

problem hooks::state::pin(std::size_t index) {
  attached& one = all[index];
  for (std::size_t i = first_that_captures; i < at_cgroup; ++i) {
    if (bpf_link__pin_path(one.links[i].get()) != nullptr) continue;
    const std::string name = std::to_string(index) + "-" + std::to_string(one.pins++);
    if (const int error = bpf_link__pin(one.links[i].get(), pins.path_of(name).c_str()); error != 0)
      return failure{-error, pins.path_of(name) + ": " + std::strerror(-error)};
  }
  return std::nullopt;
}

void hooks::state::unpin(attached& one) noexcept {
  for (auto& l : one.links) {
    if (l && bpf_link__pin_path(l.get()) != nullptr) bpf_link__unpin(l.get());
  }
}

void hooks::state::tell_worker() const {
  if (!shared[own_processes] || !first_pids || worker == 0) return;
  const __u64 begin = begin_of(static_cast<std::uint32_t>(worker)).value_or(0);
  bpf_map_update_elem(shared[own_processes].get(), &worker, &begin, BPF_ANY);
}

// What cannot be watched is as it was at the last reload.
void hooks::state::watch() {
  if (!news) {
    addresses = io::watch_host_addresses();
    made_cgroups = io::descriptor{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    news = io::descriptor{::epoll_create1(EPOLL_CLOEXEC)};
    for (const int fd : {addresses.get(), made_cgroups.get()}) {
      epoll_event wanted{.events = EPOLLIN, .data = {.fd = fd}};
      ::epoll_ctl(news.get(), EPOLL_CTL_ADD, fd, &wanted);
    }
  }
  const std::string mount = mount_point();
  for (const auto& one : all) {
    const std::string parent = mount + one.where.path.substr(0, one.where.path.rfind('/'));
    ::inotify_add_watch(made_cgroups.get(), parent.c_str(), IN_CREATE | IN_ONLYDIR);
  }
}

// To the cgroup that has the place of one that is gone.
problem hooks::state::follow(std::size_t index) {
  attached& one = all[index];
  auto now = find_place(one.wanted.what.cgroup);
  if (now.has_error() || now->id == one.where.id || !one.links.back()) return std::nullopt;
  unpin(one);
  one.where = std::move(*now);
  if (auto no = attach_new(one)) return no;
  return one.wanted.fail_closed ? pin(index) : std::nullopt;
}

hooks::hooks() : state_{std::make_unique<state>()} {}
hooks::~hooks() = default;

problem hooks::install(const std::vector<attachment>& wanted) {
  if (wanted.empty() && state_->all.empty()) return std::nullopt;
  const bpf::listening ears;
  auto no = state_->install(wanted);
  state_->pins.remove_if_empty();
  return no;
}

problem hooks::state::install(const std::vector<attachment>& wanted) {
  if (auto no = begin()) return no;
  if (!pins.made() && std::ranges::any_of(wanted, &attachment::fail_closed)) {
    if (std::string wrong = pins.make(netns, "connect"); !wrong.empty()) return failure{errno, std::move(wrong)};
  }
  std::vector<attached> fresh(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (auto no = load(wanted[i], fresh[i])) return no;
  }
  tell_worker();
  // New places first: should that fail, they go again and the old ones were not touched.
  const auto stays = [&](std::size_t i) { return i < all.size() && all[i].where.id == fresh[i].where.id && all[i].links.back(); };
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    if (stays(i)) continue;
    if (auto no = attach_new(fresh[i])) return no;
  }
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    if (!stays(i)) continue;
    if (auto no = replace(all[i], fresh[i])) {
      while (i-- > 0) {
        if (fresh[i].where.id == all[i].where.id) replace(fresh[i], all[i]);
      }
      return no;
    }
  }
  const bool first = all.empty();
  auto old = std::exchange(all, std::move(fresh));
  problem no;
  if (!all.empty()) no = attach_service();
  for (std::size_t i = 0; !no && i < all.size(); ++i) {
    if (all[i].wanted.fail_closed) no = pin(i);
    else unpin(all[i]);
  }
  if (no && first) {
    for (auto& one : all) unpin(one);
    all.clear();
    of_service_links = {};
  }
  if (no) return no;
  for (auto& one : old) unpin(one);
  old.clear();
  watch();
  return std::nullopt;
}

void hooks::leave_alone(pid_t process) {
  if (const pid_t before = std::exchange(state_->worker, process); before != 0 && state_->shared[own_processes])
    bpf_map_delete_elem(state_->shared[own_processes].get(), &before);
  state_->tell_worker();
}

int hooks::origins_fd() const noexcept { return state_->shared[origins].get(); }
int hooks::exe_paths_fd() const noexcept { return state_->shared[exe_paths].get(); }

bool hooks::guards() const noexcept {
  return std::ranges::any_of(state_->all, [](const state::attached& a) { return a.wanted.fail_closed; });
}

void hooks::withdraw() noexcept {
  for (auto& one : state_->all) {
    if (one.wanted.fail_closed) continue;
    for (auto& l : one.links) l.reset();
  }
}

int hooks::news_fd() const noexcept { return state_->news.get(); }

std::string hooks::hear_news() {
  const bpf::listening ears;
  state& s = *state_;
  io::drain_news(s.addresses.get());
  io::drain_news(s.made_cgroups.get());
  std::string wrong;
  for (std::size_t i = 0; i < s.all.size(); ++i) {
    fill_own_addresses(s.all[i].wanted.what, *s.all[i].loaded);
    if (const auto no = s.follow(i)) wrong = no->message;
  }
  return wrong;
}

problem try_load() { return load_once(bpf::fallback); }

}  // namespace omnilink::interceptor::cgroup
