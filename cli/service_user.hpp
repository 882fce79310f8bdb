// Who the service is once it has given up its privileges.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>

namespace omnilink::cli {

struct service_user {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

/// Of [service] user; empty: the account "omnilink" where there is one, else a number that no account has. Whoever is not root
/// stays who they are, unless it is `another` process's user that is asked for. The error is one line with the remedy.
boost::system::result<service_user, std::string> find_service_user(const std::string& wanted, bool another = false);

}  // namespace omnilink::cli
