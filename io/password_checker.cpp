#include "io/password_checker.hpp"

#include <crypt.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <deque>
#include <mutex>
#include <optional>
#include <unordered_set>

#include "core/nearest_word.hpp"
#include "io/keyed_digest.hpp"
#include "wire/credentials.hpp"

namespace omnilink::io {
namespace {

namespace asio = boost::asio;
using core::errc;

// What crypt(3) takes and leaves, 32 KiB of its own with the password's remains among it.
struct crypt_space {
  wire::secret_buffer<wire::credential_max + 1> given;
  wire::secret_buffer<CRYPT_OUTPUT_SIZE> hash;
  crypt_data data{};
  ~crypt_space() { core::wipe(&data, sizeof data); }
};

// False: it does not fit with its NUL, or ends before its end.
template <std::size_t Size>
bool put(const core::secret& text, wire::secret_buffer<Size>& into) noexcept {
  if (text.size() >= Size || text.reveal().find('\0') != std::string_view::npos) return false;
  std::ranges::copy(text.reveal(), into.data.begin());
  return true;
}

template <std::size_t Size>
const char* c_string(const wire::secret_buffer<Size>& from) noexcept {
  return reinterpret_cast<const char*>(from.data.data());
}

// A coroutine that waits for a hash; nobody does once it is abandoned.
struct question {
  explicit question(const asio::any_io_executor& executor) : answered{executor, asio::steady_timer::time_point::max()} {}
  asio::steady_timer answered;  // never expires; canceled when there is an answer. Touched on the worker only
  std::optional<errc> answer;   // likewise
  std::atomic<bool> abandoned{false};
};

// Good logins, the oldest first.
class memory {
 public:
  bool has(const keyed_digest::value& login) {
    const std::lock_guard guard{lock_};
    return known_.contains(login);
  }
  void add(const keyed_digest::value& login) {
    const std::lock_guard guard{lock_};
    if (!known_.insert(login).second) return;
    order_.push_back(login);
    if (order_.size() <= password_checker::remembered_max) return;
    known_.erase(order_.front());
    order_.pop_front();
  }

 private:
  std::mutex lock_;  // held for a look-up in a table
  std::unordered_set<keyed_digest::value, hash_of_digest> known_;
  std::deque<keyed_digest::value> order_;
};

}  // namespace

struct password_checker::state {
  keyed_digest digest;
  memory good;
  std::atomic<std::size_t> waiting{0};
  asio::thread_pool thread{1};

  bool matches(const core::secret& given, const core::secret& hash) const {
    crypt_space space;
    if (!put(given, space.given) || !put(hash, space.hash)) return false;
    const char* made = ::crypt_r(c_string(space.given), c_string(space.hash), &space.data);
    return made && digest.of({made}) == digest.of({hash.reveal()});
  }

  errc judge(const keyed_digest::value& login, const core::secret& given, const core::secret& hash) {
    // A browser's first six connections come at once: one hash is enough for them.
    if (good.has(login)) return errc::ok;
    if (!matches(given, hash)) return errc::auth_failed;
    good.add(login);
    return errc::ok;
  }
};

password_checker::password_checker() : state_{std::make_unique<state>()} {}

password_checker::~password_checker() {
  state_->thread.stop();
  state_->thread.join();
}

bool password_checker::equal(const core::secret& given, const core::secret& expected) const {
  // Their digests tell nothing of the passwords, however long the comparison takes.
  return state_->digest.of({given.reveal()}) == state_->digest.of({expected.reveal()});
}

task<errc> password_checker::check(std::string user, core::secret given, core::secret hash, canceler& owner, asio::io_context& home) {
  const auto login = state_->digest.of({user, given.reveal(), hash.reveal()});
  if (state_->good.has(login)) co_return errc::ok;
  if (state_->waiting.fetch_add(1) >= waiting_max) {
    state_->waiting.fetch_sub(1);
    co_return errc::limit_reached;
  }
  const auto asked = std::make_shared<question>(home.get_executor());
  asio::post(state_->thread, [state = state_.get(), asked, login, given = std::move(given), hash = std::move(hash)] {
    const errc code = asked->abandoned ? errc::canceled : state->judge(login, given, hash);
    state->waiting.fetch_sub(1);
    asio::post(asked->answered.get_executor(), [asked, code] {
      asked->answer = code;
      asked->answered.cancel();
    });
  });
  if (owner.arm([raw = asked.get()] { raw->answered.cancel(); })) {
    if (!asked->answer) co_await expiry(asked->answered);
    owner.disarm();
  }
  asked->abandoned = true;
  co_return owner.canceled() ? owner.why() : asked->answer.value_or(errc::canceled);
}

std::string describe_bad_hash(std::string_view hash) {
  if (hash.size() >= CRYPT_OUTPUT_SIZE) return "longer than any hash of crypt(3)";
  const std::string whole{hash};
  switch (::crypt_checksalt(whole.c_str())) {
    case CRYPT_SALT_OK:
    case CRYPT_SALT_METHOD_LEGACY:
    case CRYPT_SALT_TOO_CHEAP: return {};
    default: break;
  }
  return core::quoted(hash.substr(0, hash.find('$', 1))) + " is no method of crypt(3) here; use htpasswd -B, or mkpasswd";
}

}  // namespace omnilink::io
