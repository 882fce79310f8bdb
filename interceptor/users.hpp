// Who may use a listener: names with a password each, plain or as a hash of crypt(3).
#pragma once

#include <boost/system/result.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/errc.hpp"
#include "core/secret.hpp"
#include "io/canceler.hpp"
#include "io/password_checker.hpp"
#include "io/task.hpp"
#include "wire/credentials.hpp"

namespace omnilink::interceptor {

/// Who has more keeps them in a directory service, not in a file.
inline constexpr std::size_t users_max = 10'000;

class user_list {
 public:
  struct user {
    std::string name;
    core::secret password;  ///< as it is, or the hash
    bool hashed = false;
  };
  struct parse_error {
    std::size_t line;
    std::string what;
  };

  /// One `user:password` or `user:hash` per line; what begins with `$` is a hash. Empty lines and those that begin with `#` say
  /// nothing. `plain`: whether a password may stand there as it is.
  static boost::system::result<user_list, parse_error> parse(std::string_view text, bool plain);
  /// A single one with a plain password; the error is one line.
  static boost::system::result<user_list, std::string> of(std::string name, core::secret password);

  /// nullptr: there is none of that name.
  const user* find(std::string_view name) const noexcept;
  /// Whose password is checked in place of that of a user who does not exist, so that both take as long.
  const user& stand_in() const noexcept { return users_[stand_in_]; }

 private:
  std::vector<user> users_;  // by name
  std::size_t stand_in_ = 0;
};

/// How a listener that has users looks at logins. All of it outlives the check.
struct gatekeeper {
  const user_list& users;
  io::password_checker& passwords;
  io::canceler& owner;
  boost::asio::io_context& home;  ///< whose thread asks
};

/// `login` null: there is none. ok, auth_required, auth_failed, limit_reached, or why the owner ended it.
io::task<core::errc> check_login(const gatekeeper& gate, const wire::credentials* login);

}  // namespace omnilink::interceptor
