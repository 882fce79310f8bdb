#include "tests/capi/rig.hpp"

#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "interceptor/cgroup/place.hpp"
#include "io/accept.hpp"
#include "io/address.hpp"

namespace omnilink::test {
namespace {

constexpr int patience_ms = 20'000;
constexpr std::size_t slots = 8;

std::string base, before;

bool move_to(const std::string& folder) {
  std::ofstream procs{folder + "/cgroup.procs"};
  procs << ::getpid() << std::flush;
  return procs.good();
}

void leave_world() {
  move_to(before);
  for (const char* folder : {"/app", "/agent", ""}) ::rmdir((base + folder).c_str());
}

bool loopback_up() {
  const io::descriptor any{::socket(AF_INET, SOCK_DGRAM, 0)};
  ifreq lo{};
  std::strcpy(lo.ifr_name, "lo");
  lo.ifr_flags = IFF_UP | IFF_RUNNING;
  return ::ioctl(any.get(), SIOCSIFFLAGS, &lo) == 0;
}

std::string make_world() {
  if (::geteuid() != 0) return "programs for the kernel need root";
  const std::string mount = interceptor::cgroup::mount_point();
  if (mount.empty() || ::access("/sys/kernel/btf/vmlinux", R_OK) != 0) return "no cgroup2 is mounted, or this kernel has no BTF";
  before = mount + interceptor::cgroup::own_place()->path;
  base = mount + "/omnilink-test-" + std::to_string(::getpid());
  for (const char* folder : {"", "/app", "/agent"}) {
    if (::mkdir((base + folder).c_str(), 0755) != 0) return base + ": " + std::strerror(errno);
  }
  std::atexit(leave_world);
  if (!move_to(base + "/agent")) return "this process cannot be moved to " + base;
  if (::unshare(CLONE_NEWNET) != 0 || !loopback_up()) return std::string{"a network namespace: "} + std::strerror(errno);
  return {};
}

void give(int fd, const core::endpoint& where, bool connect, int& error) {
  sockaddr_storage name;
  const socklen_t size = io::to_sockaddr(where, name);
  const auto* raw = reinterpret_cast<const sockaddr*>(&name);
  if ((connect ? ::connect(fd, raw, size) : ::bind(fd, raw, size)) != 0) error = errno;
}

core::endpoint unmapped(core::endpoint where) {
  where.address = where.address.unmapped();
  return where;
}

}  // namespace

std::string enter_world() {
  static const std::string why = make_world();
  return why;
}

core::endpoint at(const char* text) { return core::endpoint::parse(text).value(); }

struct client::order {
  enum { connect, listen, reset, finish } what = connect;
  int slot = 0;
  how by = how::itself;
  bool v6 = false;
  core::endpoint to, from;  // from.port 0 and an unspecified address: any
};

namespace {

struct told {
  int system_errno;
  core::endpoint own, peer;
};

// What the kernel says without programs in between is not asked for: the own port is enough to know the source.
template <class Order>
told carry_out(const Order& order, std::array<io::descriptor, slots>& open) {
  told out{};
  io::descriptor& socket = open[static_cast<std::size_t>(order.slot)];
  if (order.what == Order::finish) socket.reset();
  if (order.what == Order::reset) io::reset(std::move(socket));
  if (order.what == Order::reset || order.what == Order::finish) return out;
  socket = io::descriptor{::socket(order.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (order.from.port != 0 || !order.from.address.is_unspecified()) give(socket.get(), order.from, false, out.system_errno);
  if (order.what == Order::listen) {
    give(socket.get(), order.to, false, out.system_errno);
    if (::listen(socket.get(), 16) != 0) out.system_errno = errno;
    return {out.system_errno, io::bound_address(socket.get()), {}};
  }
  if (out.system_errno == 0) give(socket.get(), order.to, true, out.system_errno);
  if (out.system_errno == 0) out = {0, io::bound_address(socket.get()), io::peer_address(socket.get())};
  return out;
}

}  // namespace

client::client() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  channel_ = io::descriptor{ends[0]};
  const io::descriptor theirs{ends[1]};
  pid_ = ::fork();
  if (pid_ != 0) {
    char ready;
    if (::read(channel_.get(), &ready, 1) != 1) std::abort();
    return;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  channel_.reset();
  const char ready = move_to(base + "/app");
  if (::write(theirs.get(), &ready, 1) != 1) ::_exit(1);
  std::array<io::descriptor, slots> open;
  order next;
  while (::read(theirs.get(), &next, sizeof next) == sizeof next) {
    told answer{};
    if (next.by == how::by_a_child) {
      // It ends, and the connection with it, when its end of the pair is closed here.
      int pair[2];
      if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) ::_exit(1);
      const pid_t child = ::fork();
      if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::close(pair[0]);
        answer = carry_out(next, open);
        if (::write(pair[1], &answer, sizeof answer) < 0) ::_exit(1);
        char end;
        ::_exit(::read(pair[1], &end, 1) < 0);
      }
      if (::read(pair[0], &answer, sizeof answer) < 0) ::_exit(1);
      ::close(pair[1]);
      open[static_cast<std::size_t>(next.slot)] = io::descriptor{pair[0]};
    } else {
      answer = carry_out(next, open);
    }
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    if (::write(theirs.get(), &answer, sizeof answer) < 0) break;
  }
  ::_exit(0);
}

client::~client() {
  channel_.reset();
  ::waitpid(pid_, nullptr, 0);
}

client::result client::tell(const order& what) {
  told answer{};
  if (::write(channel_.get(), &what, sizeof what) != sizeof what || ::read(channel_.get(), &answer, sizeof answer) != sizeof answer)
    std::abort();
  const core::endpoint own = unmapped(answer.own);
  return {answer.system_errno, own, own, answer.peer};
}

client::result client::connect(const core::endpoint& to, int slot, std::uint16_t source_port, const char* source, how by) {
  const auto any = to.address.is_v6() ? *core::address::parse("::") : core::address{};
  return tell({order::connect, slot, by, to.address.is_v6(), to, {*source ? *core::address::parse(source) : any, source_port}});
}

client::result client::connect_mapped(const core::endpoint& to) {
  const auto mapped = *core::address::parse("::ffff:" + to.address.to_string());
  return tell({order::connect, 0, how::itself, true, {mapped, to.port}, {*core::address::parse("::"), 0}});
}

core::endpoint client::listen(int slot, const char* address) {
  const auto where = *core::address::parse(address);
  return tell({order::listen, slot, how::itself, where.is_v6(), {where, 0}, {}}).source;
}

void client::reset(int slot) { tell({order::reset, slot, how::itself, false, {}, {}}); }
void client::finish(int slot) { tell({order::finish, slot, how::itself, false, {}, {}}); }

listener::listener(const char* address)
    : socket_{::socket(std::strchr(address, ':') != nullptr ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  int error = 0;
  give(socket_.get(), {*core::address::parse(address), 0}, false, error);
  if (error != 0 || ::listen(socket_.get(), 128) != 0) std::abort();
  port_ = io::bound_address(socket_.get()).port;
}

io::descriptor listener::accept() const {
  pollfd ready{socket_.get(), POLLIN, 0};
  if (::poll(&ready, 1, patience_ms) <= 0) std::abort();
  return io::descriptor{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
}

bool listener::is_empty() const {
  pollfd ready{socket_.get(), POLLIN, 0};
  return ::poll(&ready, 1, 0) == 0;
}

}  // namespace omnilink::test
