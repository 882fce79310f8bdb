#include "interceptor/original_destination.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "interceptor/mark.hpp"
#include "io/address.hpp"
#include "io/error.hpp"

namespace omnilink::interceptor {
namespace {

// The same number in linux/netfilter_ipv4.h (SO_ORIGINAL_DST) and linux/netfilter_ipv6/ip6_tables.h
// (IP6T_SO_ORIGINAL_DST); the latter does not compile as C++.
constexpr int so_original_dst = 80;
constexpr socklen_t ip_header_least = 20;

}  // namespace

boost::system::result<core::endpoint, core::errc> original_destination(int accepted_fd, const core::endpoint& local, core::mechanism by) noexcept {
  const core::endpoint own{local.address.unmapped(), local.port};
  if (by != core::mechanism::redirect) return own;

  sockaddr_storage where{};
  socklen_t size = sizeof(where);
  const int level = own.address.is_v4() ? SOL_IP : SOL_IPV6;
  if (::getsockopt(accepted_fd, level, so_original_dst, &where, &size) != 0) {
    // ENOENT: conntrack does not know the connection; ENOPROTOOPT: it is not even loaded. Nobody rewrote it,
    // then.
    if (errno == ENOENT || errno == ENOPROTOOPT) return core::errc::not_redirected;
    return io::to_errc_from_errno(errno);
  }
  const auto original = io::from_sockaddr(where);
  if (!original) return core::errc::unsupported;
  if (*original == own) return core::errc::not_redirected;
  return *original;
}

bool is_ours(int accepted_fd) noexcept {
  unsigned char first[128];  // its first packet: the IP header and behind it at most 60 bytes
  socklen_t size = sizeof first;
  if (::getsockopt(accepted_fd, IPPROTO_TCP, TCP_SAVED_SYN, first, &size) != 0 || size < ip_header_least) return false;
  constexpr std::size_t ttl_v4 = 8, hop_limit_v6 = 7;
  return first[first[0] >> 4 == 4 ? ttl_v4 : hop_limit_v6] == ttl_of_ours;
}

}  // namespace omnilink::interceptor
