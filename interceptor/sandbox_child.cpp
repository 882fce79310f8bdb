#include "interceptor/sandbox_child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "interceptor/installer_channel.hpp"
#include "interceptor/nft.hpp"
#include "interceptor/rtnetlink.hpp"
#include "interceptor/ruleset.hpp"
#include "interceptor/sandbox_failure.hpp"
#include "interceptor/sandbox_mounts.hpp"
#include "interceptor/sock_diag.hpp"
#include "io/accept.hpp"
#include "io/address.hpp"
#include "io/listen.hpp"

namespace omnilink::interceptor {
namespace {

using failure = std::optional<install_failure>;

constexpr int exit_omnilink_failed = 125;
constexpr int exit_not_executable = 126;
constexpr int exit_not_found = 127;

// --- namespaces
// ---------------------------------------------------------------------------------------------------

failure write_proc(const char* path, std::string_view text) {
  const io::descriptor file{::open(path, O_WRONLY | O_CLOEXEC)};
  if (file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()))
    return std::nullopt;
  return sandbox_failure(std::string{"write "} + path, errno);
}

/// The user stays itself: uid and gid are mapped onto themselves. Until execve the process holds all
/// capabilities in the new namespace; the command, which is not uid 0, gets none.
failure enter_namespaces(bool as_root) {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS | (as_root ? 0 : CLONE_NEWUSER)) != 0)
    return sandbox_failure("unshare", errno);
  if (as_root) return std::nullopt;
  if (auto f = write_proc("/proc/self/setgroups", "deny")) return f;
  if (auto f = write_proc("/proc/self/uid_map", fmt::format("{0} {0} 1", uid))) return f;
  return write_proc("/proc/self/gid_map", fmt::format("{0} {0} 1", gid));
}

/// The command must not go on without the service: its connections would only hang.
failure die_with(pid_t parent) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return sandbox_failure("prctl", errno);
  if (::getppid() != parent) return sandbox_failure("prctl", ESRCH);
  return std::nullopt;
}

// --- network
// --------------------------------------------------------------------------------------------------------

failure bring_up_network() {
  rtnetlink route;
  if (const int e = route.open()) return sandbox_failure("rtnetlink", e);
  if (const int e = route.bring_up_loopback()) return sandbox_failure("loopback up", e);
  for (const auto& address : {sandbox_address_v4(), sandbox_address_v6()}) {
    if (const int e = route.add_loopback_address(address))
      return sandbox_failure("address " + address.to_string(), e);
  }
  for (const bool v6 : {false, true}) {
    if (const int e = route.add_default_route(v6))
      return sandbox_failure(v6 ? "IPv6 route" : "IPv4 route", e);
  }
  return std::nullopt;
}

/// ping(8) without privileges. A container with a read-only /proc/sys has no ping inside; nothing else
/// depends on it.
void allow_ping() {
  const gid_t gid = ::getegid();
  (void)write_proc("/proc/sys/net/ipv4/ping_group_range", fmt::format("{0} {0}", gid));
}

std::uint16_t port_of(const io::descriptor& socket) noexcept {
  return io::bound_address(socket.get()).port;
}

core::address sandbox_loopback(bool v6) noexcept {
  return v6 ? core::address::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})
            : core::address::v4(0x7f000001);
}

/// On any free port that is not one of the host's: a redirected connection to it could not be told from a
/// direct one.
failure open_redirect(bool v6, const wire::install_request& wanted, std::vector<io::descriptor>& into) {
  const auto& taken = wanted.host_loopback_ports;
  constexpr int attempts = 16;  // 64 taken ports of 28000 free ones: a single miss is rare already
  for (int i = 0; i < attempts; ++i) {
    auto opened = io::open_listeners({sandbox_loopback(v6), 0}, wanted.workers);
    if (opened.has_error()) return sandbox_failure("listen", 0, opened.error());
    into = std::move(*opened);
    if (std::find(taken.begin(), taken.end(), port_of(into.front())) == taken.end()) return std::nullopt;
  }
  return sandbox_failure("listen", EADDRINUSE);
}

/// Bound to the loopback address and not to the wildcard, so that answers carry the source that conntrack
/// expects.
failure open_dns(bool v6, int type, io::descriptor& into) {
  constexpr int backlog = 128;  // of programs inside only
  sockaddr_storage where;
  const socklen_t size = io::to_sockaddr({sandbox_loopback(v6), 0}, where);
  into = io::descriptor{::socket(v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!into || ::bind(into.get(), reinterpret_cast<const sockaddr*>(&where), size) != 0 ||
      (type == SOCK_STREAM && ::listen(into.get(), backlog) != 0)) {
    return sandbox_failure("name server socket", errno);
  }
  return std::nullopt;
}

failure open_sockets(const wire::install_request& wanted, installation& made) {
  for (const bool v6 : {false, true}) {
    if (auto f = open_redirect(v6, wanted, v6 ? made.redirect_v6 : made.redirect_v4)) return f;
    if (auto f = open_dns(v6, SOCK_DGRAM, v6 ? made.dns_udp_v6 : made.dns_udp_v4)) return f;
    if (auto f = open_dns(v6, SOCK_STREAM, v6 ? made.dns_tcp_v6 : made.dns_tcp_v4)) return f;
  }
  made.sock_diag = open_sock_diag();
  if (!made.sock_diag) return sandbox_failure("sock_diag", errno);
  socklen_t size = sizeof(made.netns);
  if (::getsockopt(made.dns_udp_v4.get(), SOL_SOCKET, SO_NETNS_COOKIE, &made.netns, &size) != 0) {
    return sandbox_failure("SO_NETNS_COOKIE", errno);
  }
  return std::nullopt;
}

failure load_rules(const wire::install_request& wanted, const installation& made) {
  const sandbox_ports ports{port_of(made.redirect_v4.front()), port_of(made.redirect_v6.front()),
                            port_of(made.dns_udp_v4),          port_of(made.dns_udp_v6),
                            port_of(made.dns_tcp_v4),          port_of(made.dns_tcp_v6)};
  const std::string rules = sandbox_ruleset(ports, wanted.host_loopback_ports);
  const auto rules_loader = nft::open();
  if (!rules_loader) return sandbox_failure("nft", errno);
  const std::string said = rules_loader->run(rules);
  return said.empty() ? std::nullopt : failure{sandbox_failure("nft", 0, said)};
}

// --- the child
// --------------------------------------------------------------------------------------------------------

failure make_sandbox(const wire::install_request& wanted, pid_t parent, installation& made) {
  const bool as_root = ::geteuid() == 0;
  if (auto f = enter_namespaces(as_root)) return f;
  // After the change of credentials, which would undo it.
  if (auto f = die_with(parent)) return f;
  if (auto f = bring_up_network()) return f;
  allow_ping();
  if (auto f = open_sockets(wanted, made)) return f;
  if (auto f = load_rules(wanted, made)) return f;
  return cover_host_resolvers(!as_root);
}

bool hand_out(int channel, const wire::install_request& wanted, const installation& made) {
  std::vector<int> out;  // in the order of wire::install_reply
  for (const auto& socket : made.redirect_v4) out.push_back(socket.get());
  for (const auto& socket : made.redirect_v6) out.push_back(socket.get());
  for (const auto* socket :
       {&made.dns_udp_v4, &made.dns_udp_v6, &made.dns_tcp_v4, &made.dns_tcp_v6, &made.sock_diag}) {
    out.push_back(socket->get());
  }
  return send_message(channel, wire::install_reply{wanted.workers, made.netns}, out);
}

bool prepare(int channel, pid_t parent) {
  const auto plan = receive_message(channel);
  const auto* wanted = plan ? std::get_if<wire::install_request>(&plan->message) : nullptr;
  if (wanted == nullptr) return false;
  installation made;
  if (const auto f = make_sandbox(*wanted, parent, made)) {
    (void)send_message(
        channel, wire::install_refusal{f->step, static_cast<std::uint16_t>(f->system_errno), f->message});
    return false;
  }
  return hand_out(channel, *wanted, made);
}

bool wait_for_go(int channel) {
  const auto word = receive_message(channel);
  return word && std::holds_alternative<wire::install_go>(word->message);
}

[[noreturn]] void become_command(const sandbox::options& wanted) {
  std::vector<char*> argv;
  for (const std::string& argument : wanted.command) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  if (wanted.ignores_sigchld) ::signal(SIGCHLD, SIG_IGN);
  ::sigprocmask(SIG_SETMASK, &wanted.signal_mask, nullptr);
  ::execvp(argv.front(), argv.data());
  const int why = errno;
  const std::string line = fmt::format("omnilink exec: {}: {}\n", wanted.command.front(), std::strerror(why));
  (void)!::write(STDERR_FILENO, line.data(), line.size());
  ::_exit(why == ENOENT ? exit_not_found : exit_not_executable);
}

}  // namespace

void run_sandbox_child(io::descriptor channel, const sandbox::options& wanted, pid_t parent) {
  if (!prepare(channel.get(), parent) || !wait_for_go(channel.get())) ::_exit(exit_omnilink_failed);
  become_command(wanted);
}

}  // namespace omnilink::interceptor
