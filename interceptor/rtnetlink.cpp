#include "interceptor/rtnetlink.hpp"

#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace omnilink::interceptor {
namespace {

constexpr std::uint32_t loopback_index = 1;  // the first interface of every network namespace

}  // namespace

struct rtnetlink::request {
  alignas(nlmsghdr) unsigned char bytes[256]{};  // the longest here is 72 bytes

  template <typename Body>
  request(std::uint16_t type, std::uint16_t flags, const Body& body) noexcept {
    header().nlmsg_type = type;
    header().nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    header().nlmsg_len = NLMSG_LENGTH(sizeof(body));
    std::memcpy(bytes + NLMSG_HDRLEN, &body, sizeof(body));
  }
  nlmsghdr& header() noexcept { return *reinterpret_cast<nlmsghdr*>(bytes); }

  void attribute(std::uint16_t type, const void* data, std::size_t size) noexcept {
    const std::size_t at = NLMSG_ALIGN(header().nlmsg_len);
    const rtattr head{static_cast<std::uint16_t>(RTA_LENGTH(size)), type};
    std::memcpy(bytes + at, &head, sizeof(head));
    std::memcpy(bytes + at + RTA_LENGTH(0), data, size);
    header().nlmsg_len = static_cast<std::uint32_t>(at + RTA_LENGTH(size));
  }
};

int rtnetlink::open() noexcept {
  socket_ = io::descriptor{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)};
  return socket_ ? 0 : errno;
}

/// The kernel works a request off within send(), so its answer is already there: nothing waits here.
int rtnetlink::perform(request& wanted) noexcept {
  const sockaddr_nl kernel{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  const auto* to = reinterpret_cast<const sockaddr*>(&kernel);
  const nlmsghdr& sent = wanted.header();
  if (::sendto(socket_.get(), wanted.bytes, sent.nlmsg_len, 0, to, sizeof(kernel)) < 0) return errno;
  struct {
    nlmsghdr header;
    nlmsgerr error;
    unsigned char more[512];  // the request again, and the kernel's own words
  } answer;
  const ssize_t size = ::recv(socket_.get(), &answer, sizeof(answer), MSG_DONTWAIT);
  if (size < 0) return errno;
  if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr))) || answer.header.nlmsg_type != NLMSG_ERROR)
    return EPROTO;
  return -answer.error.error;
}

int rtnetlink::bring_up_loopback() noexcept {
  ifinfomsg link{};
  link.ifi_family = AF_UNSPEC;
  link.ifi_index = loopback_index;
  link.ifi_flags = link.ifi_change = IFF_UP;
  request wanted{RTM_NEWLINK, 0, link};
  return perform(wanted);
}

int rtnetlink::add_loopback_address(const core::address& address) noexcept {
  ifaddrmsg body{};
  body.ifa_family = address.is_v4() ? AF_INET : AF_INET6;
  body.ifa_prefixlen = address.is_v4() ? 32 : 128;
  body.ifa_flags = address.is_v4() ? 0 : IFA_F_NODAD;
  body.ifa_scope = RT_SCOPE_UNIVERSE;
  body.ifa_index = loopback_index;
  request wanted{RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body};
  const auto v4 = address.to_v4();
  const auto v6 = address.to_v6();
  const void* data = address.is_v4() ? static_cast<const void*>(v4.data()) : v6.data();
  wanted.attribute(IFA_LOCAL, data, address.is_v4() ? v4.size() : v6.size());
  return perform(wanted);
}

int rtnetlink::add_default_route(bool v6) noexcept {
  rtmsg body{};
  body.rtm_family = v6 ? AF_INET6 : AF_INET;
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_protocol = RTPROT_STATIC;
  body.rtm_scope = v6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  body.rtm_type = RTN_UNICAST;
  request wanted{RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, body};
  wanted.attribute(RTA_OIF, &loopback_index, sizeof(loopback_index));
  return perform(wanted);
}

int rtnetlink::add_mark_rule(std::uint32_t preference, std::uint32_t mark, std::uint32_t mask, std::uint32_t table, bool v6) noexcept {
  fib_rule_hdr body{};
  body.family = v6 ? AF_INET6 : AF_INET;
  body.action = FR_ACT_TO_TBL;
  request wanted{RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, body};
  wanted.attribute(FRA_PRIORITY, &preference, sizeof preference);
  wanted.attribute(FRA_FWMARK, &mark, sizeof mark);
  wanted.attribute(FRA_FWMASK, &mask, sizeof mask);
  wanted.attribute(FRA_TABLE, &table, sizeof table);
  return perform(wanted);
}

int rtnetlink::remove_rule_to(std::uint32_t table, bool v6) noexcept {
  fib_rule_hdr body{};
  body.family = v6 ? AF_INET6 : AF_INET;
  request wanted{RTM_DELRULE, 0, body};
  wanted.attribute(FRA_TABLE, &table, sizeof table);
  return perform(wanted);
}

int rtnetlink::add_local_default(std::uint32_t table, bool v6) noexcept {
  rtmsg body{};
  body.rtm_family = v6 ? AF_INET6 : AF_INET;
  body.rtm_protocol = RTPROT_STATIC;
  body.rtm_scope = v6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_HOST;
  body.rtm_type = RTN_LOCAL;
  request wanted{RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, body};
  wanted.attribute(RTA_OIF, &loopback_index, sizeof loopback_index);
  wanted.attribute(RTA_TABLE, &table, sizeof table);
  return perform(wanted);
}

int rtnetlink::remove_default(std::uint32_t table, bool v6) noexcept {
  rtmsg body{};
  body.rtm_family = v6 ? AF_INET6 : AF_INET;
  body.rtm_scope = RT_SCOPE_NOWHERE;
  request wanted{RTM_DELROUTE, 0, body};
  wanted.attribute(RTA_TABLE, &table, sizeof table);
  return perform(wanted);
}

bool rtnetlink::has_rule_to(std::uint32_t table, bool v6) noexcept {
  fib_rule_hdr body{};
  body.family = v6 ? AF_INET6 : AF_INET;
  request listing{RTM_GETRULE, NLM_F_DUMP, body};
  return finds(listing, FRA_TABLE, sizeof body, table);
}

bool rtnetlink::has_route_in(std::uint32_t table, bool v6) noexcept {
  const int on = 1;  // of a router's million routes only this table's
  ::setsockopt(socket_.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  rtmsg body{};
  body.rtm_family = v6 ? AF_INET6 : AF_INET;
  request listing{RTM_GETROUTE, NLM_F_DUMP, body};
  listing.attribute(RTA_TABLE, &table, sizeof table);
  return finds(listing, RTA_TABLE, sizeof body, table);
}

// Whether one of what is listed names this table.
bool rtnetlink::finds(request& listing, std::uint16_t table_attribute, std::size_t body_size, std::uint32_t table) noexcept {
  listing.header().nlmsg_flags &= static_cast<std::uint16_t>(~NLM_F_ACK);
  if (::send(socket_.get(), listing.bytes, listing.header().nlmsg_len, 0) < 0) return false;
  bool found = false;
  alignas(nlmsghdr) unsigned char bytes[32768];
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), bytes, sizeof bytes, 0);
    if (got <= 0) return found;
    auto left = static_cast<unsigned>(got);
    for (const auto* m = reinterpret_cast<const nlmsghdr*>(bytes); NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
      if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR) return found;
      auto size = static_cast<int>(NLMSG_PAYLOAD(m, body_size));
      const auto* first = reinterpret_cast<const unsigned char*>(m) + NLMSG_SPACE(body_size);
      for (const auto* a = reinterpret_cast<const rtattr*>(first); RTA_OK(a, size); a = RTA_NEXT(a, size)) {
        std::uint32_t value = 0;
        if (a->rta_type != table_attribute || RTA_PAYLOAD(a) != sizeof value) continue;
        std::memcpy(&value, RTA_DATA(a), sizeof value);
        found |= value == table;
      }
    }
  }
}

}  // namespace omnilink::interceptor
