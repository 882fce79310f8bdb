#include "actors/query_server.hpp"

#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>

#include "actors/admin_http.hpp"
#include "actors/asker_session.hpp"
#include "actors/control.hpp"
#include "io/accept.hpp"
#include "io/log.hpp"
#include "io/unix_socket.hpp"

namespace omnilink::actors {
namespace asio = boost::asio;
namespace {

using channel = asker_session::channel;
using channel_ptr = std::shared_ptr<channel>;

// Askers at once on each socket, and of one ordinary user among them; each holds one descriptor and a small buffer.
constexpr std::size_t askers_max = 256;
constexpr std::size_t askers_of_user_max = 32;
// Out of descriptors: askers wait, nothing spins.
constexpr std::chrono::milliseconds exhausted_pause{100};

}  // namespace

struct query_server::impl : std::enable_shared_from_this<query_server::impl> {
  explicit impl(control& center) : home{center}, http{center} {}

  using session_ptr = std::shared_ptr<asker_session>;
  using serve_function = asio::awaitable<void> (*)(control&, std::shared_ptr<asker_session>);

  std::string open(const std::string& path, io::unix_kind kind, unsigned mode, serve_function serve) {
    if (path.empty()) return {};
    auto socket = io::open_unix_listener(path, kind, mode);
    if (socket.has_error()) return socket.error();
    auto listener = std::make_shared<channel>(home.execution.io(), socket->release());
    listeners.push_back(listener);
    paths.push_back(path);
    asio::co_spawn(home.execution.io(), accept(shared_from_this(), listener, serve), asio::detached);
    return {};
  }

  static asio::awaitable<void> accept(std::shared_ptr<impl> self, channel_ptr listener, serve_function serve) {
    while (listener->is_open()) {
      const auto [error] = co_await listener->async_wait(channel::wait_read, plain_result);
      if (error || !listener->is_open()) break;
      io::accepted one = io::accept_one(listener->native_handle());
      if (one.exhausted) {
        asio::steady_timer pause{self->home.execution.io(), exhausted_pause};
        co_await pause.async_wait(plain_result);
      }
      if (!one.socket) continue;
      channel connected{self->home.execution.io(), one.socket.release()};
      auto fresh = std::make_shared<asker_session>(std::move(connected), listener.get(), self->home.deadlines);
      if (!self->has_room_for(*fresh)) {
        io::log::at_most_once_a_second(io::log::level::warn, "askers-limit", {{"uid", fresh->peer.uid}});
        continue;
      }
      asio::co_spawn(self->home.execution.io(), run(self, std::move(fresh), serve), asio::detached);
    }
  }

  bool has_room_for(const asker_session& fresh) const {
    std::size_t all = 0, own = 0;
    for (const auto& other : askers) {
      if (other->listener != fresh.listener) continue;
      ++all;
      if (other->peer.uid == fresh.peer.uid) ++own;
    }
    // Whoever sees all steers too, and is not kept out by the others.
    return fresh.peer.sees_all ? all < 2 * askers_max : all < askers_max && own < askers_of_user_max;
  }

  static asio::awaitable<void> run(std::shared_ptr<impl> self, session_ptr one, serve_function serve) {
    const auto place = self->askers.insert(self->askers.end(), one);
    co_await serve(self->home, one);
    one->close();
    one->idle.disarm();
    self->askers.erase(place);
  }

  void stop() noexcept {
    http.stop();
    boost::system::error_code ignored;
    for (const auto& listener : listeners) listener->close(ignored);
    for (const auto& one : askers) one->close();
    for (const auto& path : paths) ::unlink(path.c_str());
    paths.clear();
  }

  control& home;
  admin_http http;
  std::vector<channel_ptr> listeners;
  std::vector<std::string> paths;
  std::list<session_ptr> askers;
};

query_server::query_server(control& home) : impl_{std::make_shared<impl>(home)} {}

query_server::~query_server() { stop(); }

std::string query_server::open() {
  const configuration& config = impl_->home.settings->config;
  // Everybody may ask: every answer is filtered. Only the owner may steer.
  std::string error = impl_->open(config.query_socket, io::unix_kind::seqpacket, 0666, &serve_questions);
  if (error.empty()) error = impl_->open(config.admin_socket, io::unix_kind::stream, 0600, &serve_admin);
  return error.empty() ? impl_->http.open() : error;
}

std::optional<core::endpoint> query_server::http() const { return impl_->http.where(); }

void query_server::stop() noexcept { impl_->stop(); }

}  // namespace omnilink::actors
