#include "interceptor/probe_tproxy.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "interceptor/mark_routing.hpp"
#include "interceptor/netd_failure.hpp"
#include "interceptor/nft.hpp"
#include "interceptor/original_destination.hpp"
#include "interceptor/rtnetlink.hpp"
#include "interceptor/ruleset_capture.hpp"
#include "io/accept.hpp"
#include "io/address.hpp"
#include "io/descriptor.hpp"

namespace omnilink::interceptor {
namespace {

// A local connection is there, or is not, within the call that opens it.
constexpr int patience_ms = 1000;

struct addresses {
  core::endpoint listener, source, target;
};

addresses of_family(bool v6) {
  const auto at = [](const char* text) { return *core::endpoint::parse(text); };
  if (v6) return {at("[::1]:0"), at("[2001:db8::1]:0"), at("[2001:db8::2]:443")};
  return {at("127.0.0.1:0"), at("198.51.100.1:0"), at("198.51.100.2:443")};
}

int bind_to(int socket, const core::endpoint& where) noexcept {
  sockaddr_storage name;
  const socklen_t size = io::to_sockaddr(where, name);
  return ::bind(socket, reinterpret_cast<const sockaddr*>(&name), size);
}

io::descriptor make_listener(const core::endpoint& where) noexcept {
  const bool v6 = where.address.is_v6();
  io::descriptor out{::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const int on = 1;
  if (!out || ::setsockopt(out.get(), v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, &on, sizeof on) != 0 ||
      bind_to(out.get(), where) != 0 || ::listen(out.get(), 1) != 0) return {};
  return out;
}

bool arrives(int listener, const core::endpoint& target) noexcept {
  const io::descriptor client{::socket(target.address.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  sockaddr_storage name;
  const socklen_t size = io::to_sockaddr(target, name);
  if (!client || (::connect(client.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0 && errno != EINPROGRESS)) return false;
  pollfd one{listener, POLLIN, 0};
  if (::poll(&one, 1, patience_ms) <= 0) return false;
  const io::descriptor accepted{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
  const auto original = original_destination(accepted.get(), io::bound_address(accepted.get()), core::mechanism::tproxy);
  return original && *original == target;
}

std::string failed(const char* what, int system_errno) { return fmt::format("{}: {}", what, std::strerror(system_errno)); }

std::string try_family(rtnetlink& link, nft& rules, bool v6) {
  const addresses here = of_family(v6);
  if (int no = link.add_loopback_address(here.source.address); no != 0) return failed("address", no);
  if (int no = link.add_default_route(v6); no != 0) return failed("route", no);
  const io::descriptor listener = make_listener(here.listener);
  if (!listener) return failed("IP_TRANSPARENT", errno);
  interception one{{}, io::bound_address(listener.get()).port, true, core::mechanism::tproxy};
  one.what.ports = {{here.target.port, here.target.port}};
  const std::string said = rules.run(capture_ruleset({&one, 1}, {1, 1}) + guard_ruleset({&one, 1}, {1, 1}));
  if (!said.empty()) return netd_failure("nft", 0, said).message;
  const bool came = arrives(listener.get(), here.target);
  rules.run(fmt::format("delete table {}\ndelete table {}\n", capture_table, guard_table));
  if (came) return {};
  return fmt::format("the rules are taken, but no IPv{} connection arrives; use redirect", v6 ? 6 : 4);
}

}  // namespace

std::string try_tproxy() {
  rtnetlink link;
  if (int no = link.open(); no != 0) return failed("rtnetlink", no);
  if (int no = link.bring_up_loopback(); no != 0) return failed("the loopback interface", no);
  const bool v6 = static_cast<bool>(make_listener(of_family(true).listener));
  if (int no = install_mark_routing(v6); no != 0) return netd_failure("routing", no).message;
  const auto rules = nft::open();
  if (!rules) return netd_failure("nft", errno).message;
  std::string wrong = try_family(link, *rules, false);
  return wrong.empty() && v6 ? try_family(link, *rules, true) : wrong;
}

}  // namespace omnilink::interceptor
