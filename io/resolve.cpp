#include "io/resolve.hpp"

#include <netdb.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <unordered_map>

#include "core/clock.hpp"
#include "io/address.hpp"

namespace omnilink::io {
namespace {

namespace asio = boost::asio;
using core::errc;

// getaddrinfo blocks its thread, for many seconds when a name server is silent: one such name must not hold
// up the others.
constexpr std::size_t threads = 4;
constexpr core::nanoseconds good_for = std::chrono::seconds{30};
constexpr core::nanoseconds bad_for = std::chrono::seconds{5};
// Names come from the users' programs where chains resolve locally.
constexpr std::size_t names_max = 1024;
// A dialer tries them in turn; nobody gets further.
constexpr std::size_t addresses_max = 32;

// A question that was asked, and its answer once there is one.
struct lookup {
  explicit lookup(const asio::any_io_executor& home)
      : answered{home, asio::steady_timer::time_point::max()} {}
  asio::steady_timer answered;  // never expires; canceled when there is an answer
  std::optional<resolver::addresses> answer;
  core::instant expires{};
};

// Between a look-up that nobody waits for any more and the executor it would answer to, which may be gone.
struct gate {
  std::mutex lock;
  bool open = true;
};

// A getaddrinfo that hangs must not hold up the end of the process: a thread for which nobody waits waits for it.
void abandon(std::unique_ptr<asio::thread_pool> pool) {
  auto* raw = pool.release();
  try {
    std::thread{[raw] { delete raw; }}.detach();
  } catch (const std::system_error&) {
    // Then it stays: the process is about to end anyway.
  }
}

}  // namespace

struct resolver::state : std::enable_shared_from_this<resolver::state> {
  state(asio::any_io_executor executor, look_up_function function)
      : home{executor}, look_up{std::move(function)} {}

  asio::awaitable<addresses> ask(std::string name);
  bool make_room(core::instant now);
  void begin(const std::string& name, std::shared_ptr<lookup> asked);

  const asio::any_io_executor home;
  const look_up_function look_up;
  std::unordered_map<std::string, std::shared_ptr<lookup>> questions;  // touched on `home` only
  std::unique_ptr<asio::thread_pool> pool;
  const std::shared_ptr<gate> way_back = std::make_shared<gate>();
  std::size_t running = 0;  // look-ups without an answer; touched on `home` only
  bool stopped = false;
};

resolver::resolver(asio::any_io_executor home, look_up_function look_up)
    : state_{std::make_shared<state>(home, std::move(look_up))} {}

resolver::~resolver() {
  {
    const std::lock_guard guard{state_->way_back->lock};
    state_->way_back->open = false;
  }
  if (!state_->pool) return;
  state_->pool->stop();
  if (state_->running != 0) abandon(std::move(state_->pool));
}

void resolver::stop() {
  state_->stopped = true;
  for (auto& [name, asked] : state_->questions) {
    if (asked->answer) continue;
    asked->answer.emplace(errc::canceled);
    asked->answered.cancel();
  }
}

asio::awaitable<resolver::result> resolver::resolve(std::string name, std::uint16_t port) {
  // `name` moves into the other coroutine's frame: this one may be destroyed before that ends.
  auto asking = state_->ask(std::move(name));
  const addresses found = co_await asio::co_spawn(state_->home, std::move(asking), asio::use_awaitable);
  if (found.has_error()) co_return found.error();
  std::vector<core::endpoint> endpoints;
  for (const core::address& each : *found) endpoints.push_back({each, port});
  co_return endpoints;
}

asio::awaitable<resolver::addresses> resolver::state::ask(std::string name) {
  const auto self = shared_from_this();
  if (stopped) co_return errc::canceled;
  const auto now = core::clock::now();
  std::shared_ptr<lookup> asked;
  if (const auto known = questions.find(name); known != questions.end()) asked = known->second;
  if (!asked || (asked->answer && asked->expires <= now)) {
    if (!asked && !make_room(now)) co_return errc::limit_reached;
    asked = std::make_shared<lookup>(home);
    questions[name] = asked;
    begin(name, asked);
  }
  while (!asked->answer) co_await asked->answered.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return *asked->answer;
}

// Forgets what has expired, or any answer; false: every place is taken by a question without one.
bool resolver::state::make_room(core::instant now) {
  if (questions.size() < names_max) return true;
  std::erase_if(questions,
                [now](const auto& each) { return each.second->answer && each.second->expires <= now; });
  if (questions.size() < names_max) return true;
  const auto any = std::find_if(questions.begin(), questions.end(),
                                [](const auto& each) { return each.second->answer.has_value(); });
  if (any == questions.end()) return false;
  questions.erase(any);
  return true;
}

void resolver::state::begin(const std::string& name, std::shared_ptr<lookup> asked) {
  if (!pool) pool = std::make_unique<asio::thread_pool>(threads);
  ++running;
  // Neither task owns the state: it owns the threads, and must not be destroyed on one of them.
  asio::post(*pool, [look_up = look_up, home = home, name, asked = std::move(asked), way_back = way_back,
                     self = weak_from_this()]() mutable {
    addresses found = look_up(name);
    const std::lock_guard guard{way_back->lock};
    if (!way_back->open) return;
    asio::post(home, [asked = std::move(asked), found = std::move(found), self] {
      if (const auto state = self.lock()) --state->running;
      if (asked->answer) return;  // canceled meanwhile
      asked->expires = core::clock::now() + (found.has_error() ? bad_for : good_for);
      asked->answer = found;
      asked->answered.cancel();
    });
  });
}

resolver::addresses resolver::ask_system(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &list);
  if (error != 0)
    return error == EAI_NONAME || error == EAI_NODATA ? errc::name_not_found : errc::resolve_failed;
  std::vector<core::address> out;
  for (const addrinfo* each = list; each && out.size() < addresses_max; each = each->ai_next) {
    sockaddr_storage name_found{};
    std::memcpy(&name_found, each->ai_addr, std::min<std::size_t>(each->ai_addrlen, sizeof name_found));
    if (const auto found = from_sockaddr(name_found)) out.push_back(found->address);
  }
  ::freeaddrinfo(list);
  if (out.empty()) return errc::name_not_found;
  return out;
}

}  // namespace omnilink::io
