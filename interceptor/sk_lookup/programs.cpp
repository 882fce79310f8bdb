#include "interceptor/sk_lookup/programs.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "interceptor/bpf/load_failure.hpp"
#include "interceptor/bpf/network_key.hpp"
#include "interceptor/bpf/pins.hpp"
#include "interceptor/bpf/port_bits.hpp"
#include "interceptor/sk_lookup/shared.h"
#include "io/accept.hpp"
#include "io/descriptor.hpp"
#include "io/host_addresses.hpp"
// Last: it knows the types of shared.h by their names only.
#include "interceptor/sk_lookup/incoming.skel.h"

namespace omnilink::interceptor::sk_lookup {
namespace {

using problem = std::optional<failure>;

struct let_go {
  void operator()(incoming_programs* p) const noexcept { incoming_programs__destroy(p); }
  void operator()(bpf_link* l) const noexcept { bpf_link__destroy(l); }
};
using loaded_program = std::unique_ptr<incoming_programs, let_go>;
using link = std::unique_ptr<bpf_link, let_go>;

bool takes_v4(int socket_v6) noexcept {
  int only_v6 = 1;
  socklen_t size = sizeof only_v6;
  return ::getsockopt(socket_v6, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, &size) == 0 && only_v6 == 0;
}

// For each family; -1: there is none.
using first_sockets = std::array<int, OMNILINK_FAMILIES>;
first_sockets first_of_each(const std::vector<int>& sockets) {
  int v4 = -1, v6 = -1;
  for (const int socket : sockets) {
    int& first = io::bound_address(socket).address.is_v6() ? v6 : v4;
    if (first < 0) first = socket;
  }
  if (v4 < 0 && v6 >= 0 && takes_v4(v6)) v4 = v6;
  return {v4, v6};
}

void set_constants(const attachment& wanted, const first_sockets& sockets, incoming_programs& p) {
  const core::capture& what = wanted.what;
  auto& to = p.rodata->arrivals;
  if (!what.ports.empty()) to.conditions |= OMNILINK_ARRIVAL_PORTS;
  if (!what.networks.empty()) to.conditions |= OMNILINK_ARRIVAL_NETWORKS;
  if (!what.sources.empty()) to.conditions |= OMNILINK_ARRIVAL_SOURCES;
  if (wanted.listened >= 0) to.conditions |= OMNILINK_ARRIVAL_LISTED;
  to.closed = wanted.fail_closed;
  for (std::size_t family = 0; family < sockets.size(); ++family) to.served[family] = sockets[family] >= 0;
  bpf::set_bits(what.ports, p.rodata->ports);
}

bool fill(const bpf_map* map, const std::vector<core::cidr>& networks) {
  constexpr __u8 yes = 1;
  return std::ranges::all_of(networks, [&](const core::cidr& n) {
    const omnilink_network key = bpf::key_of(n);
    return bpf_map_update_elem(bpf_map__fd(map), &key, &yes, BPF_ANY) == 0;
  });
}

// Exactly those that the machine has now: one that it had may be a client's by now.
void fill_own(const bpf_map* map, std::vector<core::address>& known) {
  constexpr __u8 yes = 1;
  auto now = io::host_addresses();
  for (const auto& a : known) {
    const omnilink_network gone = bpf::key_of(a);
    if (std::ranges::find(now, a) == now.end()) bpf_map_delete_elem(bpf_map__fd(map), &gone);
  }
  for (const auto& a : now) {
    const omnilink_network here = bpf::key_of(a);
    bpf_map_update_elem(bpf_map__fd(map), &here, &yes, BPF_ANY);
  }
  known = std::move(now);
}

problem load(const attachment& wanted, loaded_program& into) {
  into.reset(incoming_programs__open());
  if (!into) return bpf::load_failure(errno);
  const first_sockets sockets = first_of_each(wanted.sockets);
  set_constants(wanted, sockets, *into);
  const bool shared = wanted.listened < 0 || (bpf_map__reuse_fd(into->maps.listened, wanted.listened) == 0 &&
                                              bpf_map__reuse_fd(into->maps.onward, wanted.onward) == 0);
  if (!shared) return bpf::load_failure(errno);
  if (const int error = incoming_programs__load(into.get()); error != 0) return bpf::load_failure(-error);
  if (!fill(into->maps.networks, wanted.what.networks) || !fill(into->maps.sources, wanted.what.sources)) return bpf::load_failure(errno);
  for (__u32 family = 0; family < sockets.size(); ++family) {
    const __u64 socket = static_cast<__u64>(sockets[family]);
    if (sockets[family] >= 0 && bpf_map_update_elem(bpf_map__fd(into->maps.listeners), &family, &socket, BPF_ANY) != 0)
      return bpf::load_failure(errno);
  }
  return std::nullopt;
}

problem attach(const loaded_program& program, link& into) {
  const io::descriptor here{::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)};
  if (here) into.reset(bpf_program__attach_netns(program->progs.incoming, here.get()));
  if (into) return std::nullopt;
  std::string why = std::strerror(errno);
  if (errno == EPERM) why = "CAP_NET_ADMIN is missing";
  if (errno == E2BIG) why = "too many programs are attached there already (bpftool net)";
  return failure{errno, "sk_lookup: " + why + std::string{bpf::fallback}};
}

bool is_pinned(const link& one) noexcept { return one && bpf_link__pin_path(one.get()) != nullptr; }

void unpin(link& one) noexcept {
  if (is_pinned(one)) bpf_link__unpin(one.get());
}

}  // namespace

struct programs::state {
  struct attached {
    bool fail_closed = true;
    loaded_program program;
    link held;
    std::vector<core::address> own{};  // that its program knows of
  };

  std::vector<attached> all;  // in the order in which the kernel asks them
  bpf::pin_folder pins;
  unsigned pinned = 0;  // names given so far
  io::descriptor addresses;  // news of them

  problem install(const std::vector<attachment>& wanted);
  problem update(const std::vector<attached>& fresh, std::size_t kept);
  problem pin(link& one);
};

problem programs::state::pin(link& one) {
  const std::string path = pins.path_of(std::to_string(pinned++));
  const int error = bpf_link__pin(one.get(), path.c_str());
  if (error == 0) return std::nullopt;
  return failure{-error, path + ": " + std::strerror(-error)};
}

// Empty: every link has its new program; else none has.
problem programs::state::update(const std::vector<attached>& fresh, std::size_t kept) {
  for (std::size_t i = 0; i < kept; ++i) {
    if (bpf_link__update_program(all[i].held.get(), fresh[i].program->progs.incoming) == 0) continue;
    const failure no = bpf::load_failure(errno);
    while (i-- > 0) bpf_link__update_program(all[i].held.get(), all[i].program->progs.incoming);
    return no;
  }
  return std::nullopt;
}

// A link that is there goes from one program to the next in one step; all are of the same place, so any will do.
problem programs::state::install(const std::vector<attachment>& wanted) {
  if (!pins.made() && std::ranges::any_of(wanted, &attachment::fail_closed)) {
    if (std::string wrong = pins.make(bpf::netns_cookie(), "in"); !wrong.empty()) return failure{errno, std::move(wrong)};
  }
  // Before they are read: what comes meanwhile is news.
  if (!addresses) addresses = io::watch_host_addresses();
  std::vector<attached> fresh(wanted.size());
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    fresh[i].fail_closed = wanted[i].fail_closed;
    if (auto no = load(wanted[i], fresh[i].program)) return no;
    fill_own(fresh[i].program->maps.own, fresh[i].own);
  }
  const std::size_t kept = std::min(all.size(), fresh.size());
  problem no;
  std::vector<link*> newly_pinned;
  for (std::size_t i = 0; !no && i < fresh.size(); ++i) {
    link& held = i < kept ? all[i].held : fresh[i].held;
    if (!held) no = attach(fresh[i].program, held);
    if (no || !fresh[i].fail_closed || is_pinned(held)) continue;
    no = pin(held);
    newly_pinned.push_back(&held);
  }
  if (!no) no = update(fresh, kept);
  if (no) {
    for (link* one : newly_pinned) unpin(*one);
    return no;
  }
  for (std::size_t i = 0; i < kept; ++i) {
    fresh[i].held = std::move(all[i].held);
    if (!fresh[i].fail_closed) unpin(fresh[i].held);
  }
  for (std::size_t i = kept; i < all.size(); ++i) unpin(all[i].held);
  all = std::move(fresh);
  return std::nullopt;
}

programs::programs() : state_{std::make_unique<state>()} {}
programs::~programs() = default;

problem programs::install(const std::vector<attachment>& wanted) {
  if (wanted.empty() && state_->all.empty()) return std::nullopt;
  const bpf::listening ears;
  auto no = state_->install(wanted);
  state_->pins.remove_if_empty();
  return no;
}

bool programs::guards() const noexcept { return std::ranges::any_of(state_->all, &state::attached::fail_closed); }

void programs::withdraw() noexcept {
  std::erase_if(state_->all, [](const state::attached& one) { return !one.fail_closed; });
}

int programs::news_fd() const noexcept { return state_->all.empty() ? -1 : state_->addresses.get(); }

void programs::hear_news() {
  io::drain_news(state_->addresses.get());
  for (auto& one : state_->all) fill_own(one.program->maps.own, one.own);
}

problem try_attach() {
  const bpf::listening ears;
  loaded_program program;
  link held;
  if (auto no = load({}, program)) return no;
  return attach(program, held);
}

}  // namespace omnilink::interceptor::sk_lookup
