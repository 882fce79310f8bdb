#include "interceptor/rtnetlink.hpp"

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

}  // namespace omnilink::interceptor
