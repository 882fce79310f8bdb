// Whether a password is the one that a listener's user file means. crypt(3) takes up to hundreds of milliseconds: it runs on a
// thread of its own, and what it once found good is remembered, so that a user's next connection costs microseconds.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/errc.hpp"
#include "core/secret.hpp"
#include "io/canceler.hpp"
#include "io/task.hpp"

namespace omnilink::io {

/// Empty: crypt(3) of this system can check passwords against it; otherwise why not, in one line.
std::string describe_bad_hash(std::string_view hash);

class password_checker {
 public:
  /// Checks that may wait: some seconds of work. Whoever guesses passwords fills it, and is refused; so is then who logs in for the
  /// first time, but not who did before.
  static constexpr std::size_t waiting_max = 32;
  /// Good logins that are remembered; the oldest is forgotten.
  static constexpr std::size_t remembered_max = 4096;

  password_checker();
  ~password_checker();  ///< waits for the hash that is being computed; no coroutine may resume meanwhile
  password_checker(const password_checker&) = delete;
  password_checker& operator=(const password_checker&) = delete;

  /// Against a plain password, in constant time.
  bool equal(const core::secret& given, const core::secret& expected) const;

  /// Against a hash as crypt(3) makes it. From a coroutine on any worker, which goes on there: ok, auth_failed, limit_reached
  /// (too many wait), or why `owner` ended it.
  task<core::errc> check(std::string user, core::secret given, core::secret hash, canceler& owner, boost::asio::io_context& home);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace omnilink::io
