#include "interceptor/bridges.hpp"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <string_view>

#include "io/descriptor.hpp"

namespace omnilink::interceptor {
namespace {

bool is_on(const char* path) {
  std::ifstream file{path};
  int value = 0;
  return file >> value && value != 0;
}

bool is_bridge(int socket, const char* name) noexcept {
  ethtool_drvinfo about{};
  about.cmd = ETHTOOL_GDRVINFO;
  ifreq asked{};
  std::strncpy(asked.ifr_name, name, IFNAMSIZ - 1);
  asked.ifr_data = reinterpret_cast<char*>(&about);
  return ::ioctl(socket, SIOCETHTOOL, &asked) == 0 && std::string_view{about.driver} == "bridge";
}

}  // namespace

std::vector<std::string> bridges_below_ip() {
  std::vector<std::string> out;
  if (!is_on("/proc/sys/net/bridge/bridge-nf-call-iptables") && !is_on("/proc/sys/net/bridge/bridge-nf-call-ip6tables")) return out;
  const io::descriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const std::unique_ptr<struct if_nameindex, decltype(&::if_freenameindex)> all{::if_nameindex(), &::if_freenameindex};
  if (!socket || !all) return out;
  for (const auto* one = all.get(); one->if_name != nullptr; ++one) {
    if (is_bridge(socket.get(), one->if_name)) out.emplace_back(one->if_name);
  }
  return out;
}

}  // namespace omnilink::interceptor
