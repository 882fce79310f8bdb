#include "interceptor/users.hpp"

#include <algorithm>

#include "core/control.hpp"
#include "core/nearest_word.hpp"

namespace omnilink::interceptor {
namespace {

using core::errc;
using user = user_list::user;

// Empty: a login of every protocol can name this user (RFC 1929 section 2, RFC 7617 section 2).
std::string check_user(const user& one) {
  const std::string limit = std::to_string(wire::credential_max) + " bytes";
  if (one.name.empty()) return "the user is empty";
  if (one.name.size() > wire::credential_max) return "the user is longer than " + limit;
  if (one.name.find(':') != std::string::npos) return "a user cannot hold a colon";
  if (std::ranges::any_of(one.name, core::is_control)) return "a user cannot hold control characters";
  if (one.password.empty()) return "the user " + core::quoted(one.name) + " has no password";
  if (one.hashed) return io::describe_bad_hash(one.password.reveal());
  if (one.password.size() > wire::credential_max) return "the password is longer than " + limit;
  return std::ranges::any_of(one.password.reveal(), core::is_control) ? "a password cannot hold control characters" : "";
}

// Empty: done.
std::string take_line(std::string_view line, bool plain, user& out) {
  const std::size_t colon = line.find(':');
  if (colon == line.npos) return "not \"user:password\" or \"user:hash\"";
  const std::string_view password = line.substr(colon + 1);
  out = {std::string{line.substr(0, colon)}, core::secret{password}, password.starts_with('$')};
  if (std::string wrong = check_user(out); !wrong.empty()) return wrong;
  if (!out.hashed && !plain)
    return "the password of " + core::quoted(out.name) + " is plain, and others may read the file; chmod 600 it, or hash the password (htpasswd -B, mkpasswd)";
  return {};
}

}  // namespace

boost::system::result<user_list, user_list::parse_error> user_list::parse(std::string_view text, bool plain) {
  user_list out;
  const auto wrong_at = [](std::size_t line, std::string what) {
    return boost::system::result<user_list, parse_error>{boost::system::in_place_error, line, std::move(what)};
  };
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    if (out.users_.size() == users_max) return wrong_at(number, "more than " + std::to_string(users_max) + " users");
    user one;
    if (std::string wrong = take_line(line, plain, one); !wrong.empty()) return wrong_at(number, std::move(wrong));
    const auto place = std::ranges::lower_bound(out.users_, one.name, {}, &user::name);
    if (place != out.users_.end() && place->name == one.name) return wrong_at(number, "a second user " + core::quoted(one.name));
    out.users_.insert(place, std::move(one));
  }
  if (out.users_.empty()) return wrong_at(1, "no user at all: nobody could log in");
  // A hash takes the longest.
  const auto hashed = std::ranges::find_if(out.users_, &user::hashed);
  if (hashed != out.users_.end()) out.stand_in_ = static_cast<std::size_t>(hashed - out.users_.begin());
  return out;
}

boost::system::result<user_list, std::string> user_list::of(std::string name, core::secret password) {
  user_list out;
  out.users_.push_back({std::move(name), std::move(password), false});
  std::string wrong = check_user(out.users_.front());
  if (!wrong.empty()) return {boost::system::in_place_error, std::move(wrong)};
  return out;
}

const user_list::user* user_list::find(std::string_view name) const noexcept {
  const auto found = std::ranges::lower_bound(users_, name, {}, &user::name);
  return found != users_.end() && found->name == name ? &*found : nullptr;
}

io::task<errc> check_login(const gatekeeper& gate, const wire::credentials* login) {
  if (!login) co_return errc::auth_required;
  const user* known = gate.users.find(login->user);
  const user& against = known ? *known : gate.users.stand_in();
  // Whether a stranger's password is somebody else's is nobody's business.
  core::secret given = known ? login->password : core::secret{std::string(login->password.size(), '?')};
  errc code = errc::auth_failed;
  if (against.hashed) {
    code = co_await gate.passwords.check(login->user, std::move(given), against.password, gate.owner, gate.home);
  } else if (gate.passwords.equal(given, against.password)) {
    code = errc::ok;
  }
  co_return code == errc::ok && !known ? errc::auth_failed : code;
}

}  // namespace omnilink::interceptor
