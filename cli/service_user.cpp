#include "cli/service_user.hpp"

#include <pwd.h>
#include <unistd.h>

#include "core/nearest_word.hpp"

namespace omnilink::cli {
namespace {

constexpr const char* own_account = "omnilink";

// Connections of the service's own user are never captured, so it must be nobody else's: not `nobody`, which many
// programs are. Outside the ranges that distributions (below 1000, from 1000 up by hand) and systemd (61184 to 65519) give out.
constexpr std::uint32_t own_number = 28524;

}  // namespace

boost::system::result<service_user, std::string> find_service_user(const std::string& wanted, bool another) {
  using boost::system::in_place_error;
  if (::geteuid() != 0 && !another) {
    const passwd* self = ::getpwuid(::geteuid());
    if (!wanted.empty() && (self == nullptr || wanted != self->pw_name))
      return {in_place_error, "user " + core::quoted(wanted) + ": only root can become another user; leave user out, or start omnilink as root"};
    return service_user{::geteuid(), ::getegid()};
  }
  const passwd* account = ::getpwnam(wanted.empty() ? own_account : wanted.c_str());
  if (account != nullptr) return service_user{account->pw_uid, account->pw_gid};
  if (!wanted.empty())
    return {in_place_error, "user " + core::quoted(wanted) + " does not exist; useradd --system --no-create-home " + wanted};
  if (::getpwuid(own_number) != nullptr)
    return {in_place_error, "the service needs a user of its own: useradd --system --no-create-home omnilink, or set user in [service]"};
  return service_user{own_number, own_number};
}

}  // namespace omnilink::cli
