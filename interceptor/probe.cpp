#include "interceptor/probe.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <functional>
#include <optional>

#include "interceptor/bridges.hpp"
#include "interceptor/cgroup/hooks.hpp"
#include "interceptor/bpf/pins.hpp"
#include "interceptor/conntrack.hpp"
#include "interceptor/netd_failure.hpp"
#include "interceptor/nft.hpp"
#include "interceptor/probe_confinement.hpp"
#include "interceptor/probe_tproxy.hpp"
#include "interceptor/ruleset_capture.hpp"
#include "interceptor/sandbox_failure.hpp"
#include "interceptor/sk_lookup/programs.hpp"
#include "io/descriptor.hpp"
#include "io/privileges.hpp"

namespace omnilink::interceptor {
namespace {

// The oldest kernel that we are tried on, Debian 12's.
constexpr int least_major = 6, least_minor = 1;

// What `attempt` says in a child of its own; empty: it worked.
std::string try_in_child(const std::function<std::string()>& attempt) {
  int ends[2];
  if (::pipe(ends) != 0) return "pipe failed";
  io::descriptor reader{ends[0]}, writer{ends[1]};
  const pid_t child = ::fork();
  if (child < 0) return "fork failed";
  if (child == 0) {
    const std::string said = attempt();
    (void)!::write(writer.get(), said.data(), said.size());
    ::_exit(0);
  }
  writer.reset();
  std::string out;
  char bytes[1024];
  for (ssize_t got; (got = ::read(reader.get(), bytes, sizeof bytes)) > 0;) out.append(bytes, static_cast<std::size_t>(got));
  int status = 0;
  ::waitpid(child, &status, 0);
  if (out.empty() && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) return "the attempt was ended by a signal";
  return out;
}

std::string enter_namespaces() {
  const int user = ::geteuid() == 0 ? 0 : CLONE_NEWUSER;
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS | user) == 0) return {};
  return sandbox_failure("unshare", errno).message;
}

std::string load_rules() {
  if (std::string wrong = enter_namespaces(); !wrong.empty()) return wrong;
  const auto rules = nft::open();
  if (!rules) return netd_failure("nft", errno).message;
  interception one{{}, 1, true};
  one.what.ports = {{1, 1}};
  const std::string said = rules->run(capture_ruleset({&one, 1}, {1, 1}) + guard_ruleset({&one, 1}, {1, 1}));
  return said.empty() ? said : netd_failure("nft", 0, said).message;
}

std::string take_a_connection() {
  if (std::string wrong = enter_namespaces(); !wrong.empty()) return wrong;
  return try_tproxy();
}

std::optional<long> setting_in(const char* path) {
  std::ifstream file{path};
  long value;
  if (file >> value) return value;
  return std::nullopt;
}

finding kernel() {
  utsname name{};
  ::uname(&name);
  int major = 0, minor = 0;
  std::sscanf(name.release, "%d.%d", &major, &minor);
  const bool good = std::pair{major, minor} >= std::pair{least_major, least_minor};
  return {"kernel", good, fmt::format("{}{}", name.release, good ? "" : "; omnilink is made for 6.1 and newer")};
}

finding from_attempt(std::string subject, std::string good, const std::string& said) {
  return {std::move(subject), said.empty(), said.empty() ? std::move(good) : said};
}

std::string choose_sockets() {
  if (std::string wrong = enter_namespaces(); !wrong.empty()) return wrong;
  const auto no = sk_lookup::try_attach();
  return no ? no->message : std::string{};
}

std::string load_programs() {
  const auto no = cgroup::try_load();
  return no ? no->message : std::string{};
}

finding pinning() {
  const std::string wrong = bpf::why_nothing_can_be_pinned();
  return {"cgroup listeners: fail = closed", wrong.empty(), wrong.empty() ? "a guard can stay" : wrong};
}

finding privileges() {
  const bool has = io::may_change_network();
  return {"redirect, tproxy and cgroup listeners: privileges", has,
          has ? "CAP_NET_ADMIN is there" : "CAP_NET_ADMIN is missing: start `omnilink run` as root; `omnilink exec` needs none"};
}

finding bridges() {
  const auto all = bridges_below_ip();
  if (all.empty()) return {"tproxy listeners: bridges", true, "none that hands its packets to netfilter below IP"};
  return {"tproxy listeners: bridges", false,
          fmt::format("what comes by {} is lost to them: use redirect for it, or set net.bridge.bridge-nf-call-iptables and -ip6tables to 0",
                      fmt::join(all, ", "))};
}

finding ipv6() {
  const bool has = static_cast<bool>(io::descriptor{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)});
  const bool off = setting_in("/proc/sys/net/ipv6/conf/lo/disable_ipv6") == 1;
  if (!has) return {"IPv6", false, "not in this kernel; `omnilink exec` needs it: boot without ipv6.disable=1"};
  if (off) return {"IPv6", true, "switched off here (net.ipv6.conf.lo.disable_ipv6); what is captured of it is refused"};
  return {"IPv6", true, "there"};
}

finding conntrack() {
  const auto use = conntrack_in_use();
  if (!use) return {"conntrack", true, "not loaded; the first rule loads it"};
  return {"conntrack", !use->is_nearly_full(),
          fmt::format("{} of {} connections{}", use->count, use->most,
                      use->is_nearly_full() ? "; when it is full new ones are lost: sysctl -w net.netfilter.nf_conntrack_max=…" : "")};
}

finding descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  // Two for each of the 10000 connections that are the default.
  const bool good = limit.rlim_max >= 20000;
  return {"descriptors", good,
          fmt::format("{} may be open{}", limit.rlim_max, good ? "" : "; for 10000 connections raise LimitNOFILE= or ulimit -Hn to 32768")};
}

}  // namespace

std::vector<finding> probe_kernel() {
  return {kernel(),
          from_attempt("exec: namespaces", "a sandbox can be made", try_in_child(enter_namespaces)),
          from_attempt("nftables: owner tables, redirect, reject, fib", "all are there", try_in_child(load_rules)),
          from_attempt("tproxy listeners: marks, routing, transparent sockets", "a connection was taken", try_in_child(take_a_connection)),
          bridges(),
          from_attempt("cgroup listeners", "the kernel takes their programs", try_in_child(load_programs)),
          from_attempt("cgroup listeners: direction = in", "the kernel lets a program choose the socket", try_in_child(choose_sockets)),
          pinning(),
          privileges(),
          from_attempt("the service locks itself in: system calls (seccomp)", "others fail, or end it", try_in_child(try_system_call_list)),
          from_attempt("the service locks itself in: files (Landlock)", "others cannot be read", try_in_child(try_file_list)),
          ipv6(),
          conntrack(),
          descriptor_limit()};
}

}  // namespace omnilink::interceptor
