#include "io/listen.hpp"

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/flow_key.hpp"
#include "io/accept.hpp"
#include "io/address.hpp"

namespace omnilink::io {
namespace {

// The kernel cuts it to net.core.somaxconn.
constexpr int backlog = 4096;

// core::shard_of as a classic BPF program. At this hook offset 0 lies behind the TCP header, so the port is
// read from the network header (SKF_NET_OFF); classic BPF multiplies modulo 2^32 like uint32_t.
bool attach_steering(int socket, std::uint32_t workers) {
  const auto net = static_cast<std::uint32_t>(SKF_NET_OFF);
  constexpr std::uint32_t ipv6_header = 40;
  static_assert(core::shard_of(1, 1u << 31) == 2654435769u >> 16, "the program computes another function");
  std::array<sock_filter, 11> program{{
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, net),  // A = version and IHL
      BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),   // A = version
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 2, 0),
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, net),  // X = length of the IPv4 header
      BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
      BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, ipv6_header),
      BPF_STMT(BPF_LD | BPF_H | BPF_IND, net),  // A = source port
      BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 2654435769u),
      BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
      BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers),
      BPF_STMT(BPF_RET | BPF_A, 0),
  }};
  const sock_fprog attached{static_cast<unsigned short>(program.size()), program.data()};
  return ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &attached, sizeof attached) == 0;
}

bool enable(int socket, int level, int option) {
  const int on = 1;
  return ::setsockopt(socket, level, option, &on, sizeof on) == 0;
}

std::string failure(const core::endpoint& where, const char* step, const char* remedy = "") {
  return "listen on " + where.to_string() + ": " + step + ": " + std::strerror(errno) + remedy;
}

const char* remedy_for(int system_errno) {
  switch (system_errno) {
    case EADDRINUSE:
      return "; another program has this port: end it, or choose another port (0: any free one)";
    case EADDRNOTAVAIL:
      return "; no interface of this machine has this address";
    case EACCES:
      return "; ports below 1024 need root or CAP_NET_BIND_SERVICE";
    default:
      return "";
  }
}

// The first socket of a group binds before it has SO_REUSEPORT: so it proves that nobody else, not even
// another omnilink, holds the port, and holds it while the others join.
boost::system::result<descriptor, std::string> bind_one(const core::endpoint& where, bool first) {
  const int family = where.address.is_v6() ? AF_INET6 : AF_INET;
  descriptor made{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)};
  if (!made) return failure(where, "socket");
  // SO_REUSEADDR: connections in TIME_WAIT from an earlier run are no reason to refuse.
  const bool ready = enable(made.get(), SOL_SOCKET, SO_REUSEADDR) &&
                     (family == AF_INET || enable(made.get(), IPPROTO_IPV6, IPV6_V6ONLY)) &&
                     (first || enable(made.get(), SOL_SOCKET, SO_REUSEPORT)) &&
                     enable(made.get(), IPPROTO_TCP, TCP_NODELAY);  // what is accepted inherits it
  if (!ready) return failure(where, "setsockopt");
  sockaddr_storage name;
  const socklen_t size = to_sockaddr(where, name);
  if (::bind(made.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) {
    return failure(where, "bind", remedy_for(errno));
  }
  if (first && !enable(made.get(), SOL_SOCKET, SO_REUSEPORT)) return failure(where, "SO_REUSEPORT");
  return made;
}

}  // namespace

boost::system::result<std::vector<descriptor>, std::string> open_listeners(const core::endpoint& where,
                                                                           std::uint32_t workers) {
  std::vector<descriptor> group;
  core::endpoint exact = where;
  for (std::uint32_t i = 0; i < workers; ++i) {
    auto bound = bind_one(exact, i == 0);
    if (bound.has_error()) return bound.error();
    group.push_back(std::move(*bound));
    if (i == 0) exact.port = bound_address(group.front().get()).port;
  }
  // The group's order is that of listen().
  for (const descriptor& each : group) {
    if (::listen(each.get(), backlog) != 0) return failure(exact, "listen", remedy_for(errno));
  }
  if (workers > 1 && !attach_steering(group.front().get(), workers))
    return failure(exact, "SO_ATTACH_REUSEPORT_CBPF");
  return group;
}

}  // namespace omnilink::io
