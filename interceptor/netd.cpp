#include "interceptor/netd.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "interceptor/bpf/pins.hpp"
#include "interceptor/bridges.hpp"
#include "interceptor/mark_routing.hpp"
#include "interceptor/netd_failure.hpp"
#include "interceptor/packet_channel.hpp"
#include "io/accept.hpp"
#include "io/address.hpp"
#include "io/listen.hpp"

namespace omnilink::interceptor {
namespace {

using refusal = std::optional<wire::netd_refusal>;

// Who asks and does not read the answer is not asked again.
constexpr core::nanoseconds answer_patience = std::chrono::milliseconds{500};

core::address wildcard(bool v6) noexcept { return v6 ? core::address::v6({}) : core::address::v4(0u); }

core::address loopback(bool v6) noexcept {
  return v6 ? core::address::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}) : core::address::v4(0x7f000001);
}

// A listener with a capture has sockets of both families on one port.
core::endpoint of_family(const core::endpoint& where, bool v6) noexcept {
  return {where.address.is_loopback() ? loopback(v6) : wildcard(v6), where.port};
}

std::uint16_t port_of(const std::vector<io::descriptor>& group) noexcept {
  return group.empty() ? std::uint16_t{0} : io::bound_address(group.front().get()).port;
}

std::vector<io::descriptor> copies(const std::vector<io::descriptor>& of) {
  std::vector<io::descriptor> out;
  for (const auto& one : of) out.emplace_back(::fcntl(one.get(), F_DUPFD_CLOEXEC, 0));
  return out;
}

// Without an address the loopback interface takes no IPv6 connection; what would be redirected there is refused by the kernel.
bool has_ipv6(const core::endpoint& where) noexcept {
  const io::descriptor probe{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_storage name;
  const socklen_t size = io::to_sockaddr({of_family(where, true).address, 0}, name);
  return probe && ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&name), size) == 0;
}

// Empty: done.
std::string open_group(const core::endpoint& where, std::uint32_t workers, std::vector<io::descriptor>& into) {
  auto opened = io::open_listeners(where, workers);
  if (opened.has_error()) return opened.error();
  into = std::move(*opened);
  return {};
}

bool set_on(const std::vector<io::descriptor>& group, int level, int option) noexcept {
  const int on = 1;
  return std::ranges::all_of(group, [&](const io::descriptor& one) { return ::setsockopt(one.get(), level, option, &on, sizeof on) == 0; });
}

std::string open_bound(const wire::netd_listener& wanted, std::uint32_t workers, std::vector<io::descriptor>& v4,
                       std::vector<io::descriptor>& v6) {
  if (!wanted.capture) return open_group(wanted.where, workers, wanted.where.address.is_v6() ? v6 : v4);
  // A port that is free for IPv4 may be taken for IPv6.
  constexpr int attempts = 16;
  std::string wrong;
  for (int i = 0; i < (wanted.where.port == 0 ? attempts : 1); ++i) {
    wrong = open_group(of_family(wanted.where, false), workers, v4);
    if (!wrong.empty() || !has_ipv6(wanted.where)) return wrong;
    wrong = open_group({of_family(wanted.where, true).address, port_of(v4)}, workers, v6);
    if (wrong.empty()) return {};
  }
  return wrong;
}

// Empty: done.
std::string open_sockets(const wire::netd_listener& wanted, std::uint32_t workers, std::vector<io::descriptor>& v4,
                         std::vector<io::descriptor>& v6) {
  std::string wrong = open_bound(wanted, workers, v4, v6);
  if (!wrong.empty() || !wanted.capture) return wrong;
  if (wanted.capture->by == core::mechanism::redirect) {
    // The worker asks by their first packet whether they are its own.
    if (set_on(v4, IPPROTO_TCP, TCP_SAVE_SYN) && set_on(v6, IPPROTO_TCP, TCP_SAVE_SYN)) return {};
    return fmt::format("TCP_SAVE_SYN: {}", std::strerror(errno));
  }
  if (wanted.capture->by != core::mechanism::tproxy) return {};
  if (set_on(v4, SOL_IP, IP_TRANSPARENT) && set_on(v6, SOL_IPV6, IPV6_TRANSPARENT)) return {};
  return fmt::format("IP_TRANSPARENT: {}; it needs CAP_NET_ADMIN", std::strerror(errno));
}

// Every change of nf_tables in this network namespace; needs CAP_NET_ADMIN.
io::descriptor watch_changes() noexcept {
  io::descriptor out{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER)};
  // An unbound socket has the kernel's own port number, to which the kernel does not send its news.
  const sockaddr_nl any{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  const int group = NFNLGRP_NFTABLES;
  if (!out || ::bind(out.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 ||
      ::setsockopt(out.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) return {};
  return out;
}

void drain(int fd) noexcept {
  char bytes[16384];
  // ENOBUFS: more happened than fitted, which says as much.
  while (::recv(fd, bytes, sizeof bytes, 0) > 0 || errno == ENOBUFS || errno == EINTR) {
  }
}

const std::string list_guard = fmt::format("list table {}", guard_table);

std::optional<core::mechanism> mechanism_of(const wire::netd_listener& one) noexcept {
  if (!one.capture) return std::nullopt;
  return one.capture->by;
}

// In one transaction: there is no moment without.
std::string replace_guard(const std::string& with) {
  return fmt::format("table {0}\ndelete table {0}\n{1}", guard_table, with);
}

}  // namespace

bool netd::answer(int channel) {
  auto packet = receive_packet(channel, wire::netd_message_max);
  if (!packet) return false;
  const auto message = wire::decode_netd_message(packet->data);
  if (!message) return false;
  const auto say = [channel](const wire::netd_message& what) { return send_packet(channel, wire::encode(what)); };
  if (std::holds_alternative<wire::netd_withdraw>(*message)) {
    withdraw();
    withdrawn_ = true;
    return say(wire::netd_done{});
  }
  if (std::holds_alternative<wire::netd_open_files>(*message)) return hand_out_files(channel) && say(wire::netd_done{});
  if (std::holds_alternative<wire::netd_answer_processes>(*message)) {
    if (packet->descriptors.size() != 1) return false;
    process_channel_ = std::move(packet->descriptors.front());
    wait_for_reader(process_channel_.get(), answer_patience);
    return say(wire::netd_done{});
  }
  if (std::holds_alternative<wire::netd_lend_sockets>(*message)) return lend_sockets(std::move(packet->descriptors)) && say(wire::netd_done{});
  const auto* wanted = std::get_if<wire::netd_install>(&*message);
  if (wanted == nullptr) return false;
  if (auto no = install(*wanted)) return say(std::move(*no));
  if (wanted->want_sockets && !hand_out(channel)) return false;
  return say(wire::netd_done{});
}

bool netd::lend_sockets(std::vector<io::descriptor> to) {
  if (to.size() != 2 || std::ranges::none_of(listeners_, [](const listener& l) { return l.wanted.original_source; })) return false;
  lender_.lend_to(std::move(to[0]), std::move(to[1]));
  return true;
}

void netd::answer_process() {
  if (!answer_process_question(process_channel_.get(), processes_)) process_channel_.reset();
}

refusal netd::install(const wire::netd_install& wanted) {
  // Steering counts workers: with another number of them no group of sockets can stay.
  if (wanted.workers != workers_) listeners_.clear();
  warnings_.clear();
  std::vector<listener> fresh;
  if (auto no = open_listeners(wanted, fresh)) return no;
  if (auto no = check_bridges(fresh)) return no;
  if (auto no = load_rules(fresh)) return no;
  if (auto no = load_hooks(fresh)) {
    load_rules(listeners_);
    return no;
  }
  if (auto no = load_lookups(fresh)) {
    load_rules(listeners_);
    load_hooks(listeners_);
    return no;
  }
  if (std::ranges::any_of(fresh, is_by_programs)) bpf::take_over(bpf::netns_cookie());
  workers_ = wanted.workers;
  listeners_ = std::move(fresh);
  withdrawn_ = false;
  return std::nullopt;
}

refusal netd::open_listeners(const wire::netd_install& wanted, std::vector<listener>& into) {
  std::vector<bool> taken(listeners_.size());  // several may say the same, as port 0
  for (const auto& one : wanted.listeners) {
    const auto same = [&](const listener& l) {
      const auto at = static_cast<std::size_t>(&l - listeners_.data());
      return !taken[at] && l.wanted.where == one.where && mechanism_of(l.wanted) == mechanism_of(one);
    };
    const auto kept = std::ranges::find_if(listeners_, same);
    listener out{one, {}, {}};
    if (kept != listeners_.end()) {
      taken[static_cast<std::size_t>(kept - listeners_.begin())] = true;
      out.v4 = copies(kept->v4);
      out.v6 = copies(kept->v6);
    } else if (std::string wrong = open_sockets(one, wanted.workers, out.v4, out.v6); !wrong.empty()) {
      return netd_failure("listen", 0, wrong);
    }
    into.push_back(std::move(out));
  }
  return std::nullopt;
}

std::vector<interception> netd::interceptions(const std::vector<listener>& all) {
  const auto is_nft = [](const listener& l) { return l.wanted.capture && !is_by_programs(l); };
  std::vector<std::string> named;
  for (const auto& l : all) {
    if (is_nft(l) && !l.wanted.capture->what.cgroup.empty()) named.push_back(l.wanted.capture->what.cgroup);
  }
  cgroups_.watch(named);
  std::vector<interception> out;
  for (const auto& l : all) {
    if (!is_nft(l)) continue;
    const auto& [by, what] = *l.wanted.capture;
    out.push_back({what, port_of(l.v4), l.wanted.fail_closed, by, l.wanted.reject_udp, cgroups_.find(what.cgroup)});
    if (what.cgroup == "/") out.back().what.cgroup.clear();  // of every program
    if (out.back().what.cgroup.empty() || out.back().cgroup.level != 0) continue;
    warnings_.push_back(fmt::format("there is no cgroup {} now (systemd-cgls shows them): until there is, nothing of it is captured", what.cgroup));
  }
  return out;
}

refusal netd::load_rules(const std::vector<listener>& all) {
  auto wanted = interceptions(all);
  if (wanted.empty() && !nft_) return std::nullopt;
  if (auto no = open_nft()) return no;
  if (auto no = ensure_routing(all)) return no;
  std::string commands = !captured_.empty() ? fmt::format("delete table {}\n", capture_table) : std::string{};
  if (!wanted.empty()) commands += capture_ruleset(wanted, worker_);
  const std::string guard = guard_ruleset(wanted, worker_);
  // Before there is something to guard: a deletion right behind it is seen as well.
  if (!guard.empty() && !changes_ && !(changes_ = watch_changes())) return netd_failure("nft", errno);
  commands += replace_guard(guard);
  if (const std::string said = nft_->run(commands); !said.empty()) return netd_failure("nft", 0, said);
  captured_ = std::move(wanted);
  guard_ = guard;
  guard_as_kept_ = guard.empty() ? std::string{} : nft_->list(list_guard);
  return std::nullopt;
}

refusal netd::load_hooks(const std::vector<listener>& all) {
  std::vector<cgroup::attachment> wanted;
  for (const auto& l : all) {
    if (mechanism_of(l.wanted) != core::mechanism::cgroup) continue;
    wanted.push_back({l.wanted.capture->what, l.wanted.fail_closed, port_of(l.v4), port_of(l.v6), sockets_of(l)});
  }
  const auto no = hooks_.install(wanted);
  if (!no) return std::nullopt;
  return netd_failure("cgroup", no->system_errno, no->message);
}

refusal netd::load_lookups(const std::vector<listener>& all) {
  std::vector<sk_lookup::attachment> wanted;
  for (const auto& l : all) {
    if (mechanism_of(l.wanted) == core::mechanism::sk_lookup) wanted.push_back({l.wanted.capture->what, l.wanted.fail_closed, sockets_of(l)});
  }
  const auto no = lookups_.install(wanted);
  if (!no) return std::nullopt;
  return netd_failure("sk_lookup", no->system_errno, no->message);
}

bool netd::is_by_programs(const listener& one) noexcept {
  const auto by = mechanism_of(one.wanted);
  return by == core::mechanism::cgroup || by == core::mechanism::sk_lookup;
}

std::vector<int> netd::sockets_of(const listener& one) {
  std::vector<int> out;
  for (const auto* group : {&one.v4, &one.v6}) {
    for (const auto& socket : *group) out.push_back(socket.get());
  }
  return out;
}

refusal netd::open_nft() {
  if (nft_) return std::nullopt;
  nft_ = nft::open();
  if (!nft_) return netd_failure("nft", errno);
  // One that is ours went with its process. This one would be taken over, whoever's it is.
  const std::string tables = nft_->list("list tables");
  if (tables.find(fmt::format("table {}\n", capture_table)) == std::string::npos) {
    remove_mark_routing();  // which a killed one could not take with it
    return std::nullopt;
  }
  nft_.reset();
  return netd_failure("nft", EEXIST);
}

// A tproxy listener that names such a bridge would get nothing from there; one that names no interface may well be about others.
refusal netd::check_bridges(const std::vector<listener>& all) {
  const auto bridges = bridges_below_ip();
  for (const listener& one : all) {
    if (mechanism_of(one.wanted) != core::mechanism::tproxy || one.wanted.capture->what.direction == core::capture::way::out) continue;
    const auto& named = one.wanted.capture->what.interfaces;
    for (const std::string& bridge : bridges) {
      const std::string line = fmt::format("the bridge {} hands its packets to netfilter below IP, where a tproxy rule loses them: use a redirect "
                                           "listener, or set net.bridge.bridge-nf-call-iptables and -ip6tables to 0", bridge);
      if (std::ranges::find(named, bridge) != named.end()) return netd_failure("tproxy", 0, line);
      if (named.empty()) warnings_.push_back(line);
    }
  }
  return std::nullopt;
}

// Before there are marks; it stays until the end, since running connections need it.
refusal netd::ensure_routing(const std::vector<listener>& all) {
  const auto transparent = [](const listener& l) { return mechanism_of(l.wanted) == core::mechanism::tproxy; };
  if (routes_ || std::ranges::none_of(all, transparent)) return std::nullopt;
  const bool with_v6 = std::ranges::any_of(all, [&](const listener& l) { return transparent(l) && !l.v6.empty(); });
  if (const int wrong = install_mark_routing(with_v6); wrong != 0) return netd_failure("routing", wrong);
  routes_ = true;
  return std::nullopt;
}

bool netd::hand_out(int channel) const {
  return std::ranges::all_of(listeners_, [this, channel](const listener& l) {
    std::vector<int> beside = sockets_of(l);
    const bool origins = mechanism_of(l.wanted) == core::mechanism::cgroup;
    if (origins) beside.insert(beside.end(), {hooks_.origins_fd(), hooks_.exe_paths_fd()});
    const wire::netd_opened opened{static_cast<std::uint32_t>(l.v4.size()), static_cast<std::uint32_t>(l.v6.size()), origins};
    return send_packet(channel, wire::encode(opened), beside);
  });
}

bool netd::hand_out_files(int channel) const {
  auto all = files_();
  if (all.size() > wire::netd_files_max) all.resize(wire::netd_files_max);
  return std::ranges::all_of(all, [channel](const io::opened_file& f) {
    const int beside[] = {f.file.get()};
    const wire::netd_file head{f.path, static_cast<std::uint16_t>(f.system_errno)};
    return send_packet(channel, wire::encode(head), std::span{beside}.first(f.file ? 1 : 0));
  });
}

bool netd::restore_guard() {
  drain(changes_.get());
  if (guard_.empty() || nft_->list(list_guard) == guard_as_kept_) return false;
  nft_->run(replace_guard(guard_));
  guard_as_kept_ = nft_->list(list_guard);
  return true;
}

void netd::follow_cgroups() {
  if (!cgroups_.changed() || withdrawn_ || listeners_.empty()) return;
  warnings_.clear();
  // One that vanished meanwhile is the next change.
  if (const auto no = load_rules(listeners_)) warnings_.push_back(no->message);
}

bool netd::needs_conntrack() const noexcept {
  return std::ranges::any_of(captured_, [](const interception& one) { return one.by == core::mechanism::redirect || one.fail_closed; });
}

void netd::withdraw() noexcept {
  hooks_.withdraw();
  lookups_.withdraw();
  listeners_.clear();
  if (!captured_.empty()) nft_->run(fmt::format("delete table {}\n", capture_table) + withdrawn_ruleset(captured_, worker_));
}

void netd::leave() noexcept {
  if (std::exchange(routes_, false)) remove_mark_routing();
}

}  // namespace omnilink::interceptor
