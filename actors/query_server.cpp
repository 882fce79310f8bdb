#include "actors/query_server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <list>

#include "actors/admin_reply.hpp"
#include "actors/control.hpp"
#include "actors/query_access.hpp"
#include "interceptor/sock_diag.hpp"
#include "io/accept.hpp"
#include "io/close_elsewhere.hpp"
#include "io/log.hpp"
#include "io/unix_socket.hpp"
#include "wire/admin.hpp"
#include "wire/nat_query.hpp"

namespace omnilink::actors {
namespace asio = boost::asio;
namespace {

using channel = asio::posix::stream_descriptor;
using channel_ptr = std::shared_ptr<channel>;
using wire::nat_answer;
using wire::nat_question;
constexpr auto plain_result = asio::as_tuple(asio::use_awaitable);

// Askers at once on each socket, and of one ordinary user among them; each holds one descriptor and a small buffer.
constexpr std::size_t clients_max = 256;
constexpr std::size_t clients_of_user_max = 32;
// A session in which nothing is asked for so long ends.
constexpr core::nanoseconds session_idle = std::chrono::minutes{1};
// Descriptors of askers that are still closing: until there are fewer, no more are taken.
constexpr std::size_t closing_max = 64;
// Out of descriptors: askers wait, nothing spins.
constexpr std::chrono::milliseconds exhausted_pause{100};
// Entries per message while a listing walks the shards.
constexpr std::uint64_t page_size = 1024;

nat_answer describe(const nat::entry& flow, core::instant now) {
  nat_answer out;
  const bool live = flow.state == nat::flow_state::live;
  out.what = live ? nat_answer::status::live : nat_answer::status::closed;
  out.matches = 1;
  out.connection = flow.connection;
  out.generation = flow.generation;
  out.age_ms = static_cast<std::uint64_t>(core::to_milliseconds(now - flow.created));
  out.closed_ms = live ? 0 : static_cast<std::uint64_t>(core::to_milliseconds(now - flow.closed));
  out.uid = flow.uid;
  out.source = flow.key.source;
  out.local = flow.key.local;
  out.dialled = {flow.original_address, flow.original.port};
  out.original = flow.original;
  out.chain = flow.chain;
  return out;
}

// Live flows come before closed ones; two candidates are ambiguous (two listeners, or two hosts with the same port).
nat_answer choose(const nat_entries& flows, core::instant now) {
  nat_answer out;
  if (flows.empty()) return out;
  std::size_t live = 0;
  const nat::entry* answer = &flows.front();  // newest first
  for (const nat::entry& f : flows) {
    if (f.state != nat::flow_state::live) continue;
    if (live++ == 0) answer = &f;
  }
  const std::size_t candidates = live != 0 ? live : flows.size();
  if (candidates == 1) return describe(*answer, now);
  out.what = nat_answer::status::ambiguous;
  out.matches = static_cast<std::uint32_t>(candidates);
  return out;
}

}  // namespace

struct query_server::impl : std::enable_shared_from_this<query_server::impl> {
  explicit impl(control& center) : home{center} {}

  // One connected asker.
  struct client {
    client(control& home, channel_ptr connected, const channel* from)
        : socket{std::move(connected)}, listener{from}, peer{identify(socket->native_handle())}, idle{home.deadlines} {
      touch();
    }
    void touch() {
      idle.arm(core::clock::now() + session_idle, [this] { close(); });
    }
    void close() noexcept {
      boost::system::error_code ignored;
      socket->close(ignored);
    }
    channel_ptr socket;
    const channel* listener;
    asking_peer peer;
    io::deadlines::timer idle;
  };
  using client_ptr = std::shared_ptr<client>;
  using session = asio::awaitable<void> (*)(std::shared_ptr<impl>, client_ptr);

  std::string open(const std::string& path, io::unix_kind kind, unsigned mode, session serve) {
    if (path.empty()) return {};
    auto socket = io::open_unix_listener(path, kind, mode);
    if (socket.has_error()) return socket.error();
    auto listener = std::make_shared<channel>(home.execution.io(), socket->release());
    listeners.push_back(listener);
    paths.push_back(path);
    asio::co_spawn(home.execution.io(), accept(shared_from_this(), listener, serve), asio::detached);
    return {};
  }

  static asio::awaitable<void> accept(std::shared_ptr<impl> self, channel_ptr listener, session serve) {
    while (listener->is_open()) {
      const auto [error] = co_await listener->async_wait(channel::wait_read, plain_result);
      if (error || !listener->is_open()) break;
      io::accepted one = io::accept_one(listener->native_handle());
      if (one.exhausted) {
        asio::steady_timer pause{self->home.execution.io(), exhausted_pause};
        co_await pause.async_wait(plain_result);
      }
      if (!one.socket) continue;
      auto socket = std::make_shared<channel>(self->home.execution.io(), one.socket.release());
      auto fresh = std::make_shared<client>(self->home, std::move(socket), listener.get());
      if (!self->has_room_for(*fresh)) {
        io::log::at_most_once_a_second(io::log::level::warn, "query-clients-limit", {{"uid", fresh->peer.uid}});
        continue;
      }
      asio::co_spawn(self->home.execution.io(), run(self, std::move(fresh), serve), asio::detached);
    }
  }

  bool has_room_for(const client& fresh) const {
    std::size_t all = 0, own = 0;
    for (const auto& other : clients) {
      if (other->listener != fresh.listener) continue;
      ++all;
      if (other->peer.uid == fresh.peer.uid) ++own;
    }
    // Whoever sees all steers too, and is not kept out by the others.
    return fresh.peer.sees_all ? all < 2 * clients_max : all < clients_max && own < clients_of_user_max;
  }

  static asio::awaitable<void> run(std::shared_ptr<impl> self, client_ptr one, session serve) {
    const auto place = self->clients.insert(self->clients.end(), one);
    co_await serve(self, one);
    one->close();
    one->idle.disarm();
    self->clients.erase(place);
  }

  // -- query.sock

  static asio::awaitable<void> serve_questions(std::shared_ptr<impl> self, client_ptr one) {
    channel& socket = *one->socket;
    for (;;) {
      const auto [error] = co_await socket.async_wait(channel::wait_read, plain_result);
      if (error) co_return;
      one->touch();
      while (io::closes_under_way() >= closing_max) {
        asio::steady_timer pause{self->home.execution.io(), exhausted_pause};
        co_await pause.async_wait(plain_result);
      }
      // One byte more than a question: a longer message shows as too long instead of being cut to size.
      std::array<std::uint8_t, wire::nat_question_size + 1> in;
      io::unix_message message = io::receive_message(socket.native_handle(), in);
      if (message.code == core::errc::not_found) continue;
      const bool readable = message.code == core::errc::ok || message.code == core::errc::oversized;
      if (!readable) co_return;
      const nat_answer out = co_await self->answer(one->peer, {in.data(), message.size}, message.passed);
      io::close_elsewhere(std::move(message.passed));
      for (io::descriptor& other : message.more) io::close_elsewhere(std::move(other));
      const auto bytes = wire::encode(out);
      if (::send(socket.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) co_return;
    }
  }

  asio::awaitable<nat_answer> answer(const asking_peer& peer, wire::bytes data, const io::descriptor& passed) {
    const auto asked = wire::decode_nat_question(data);
    nat_answer out;
    if (asked.has_error()) {
      out.what = nat_answer::status::error;
      out.error = asked.error();
      out.token = wire::nat_token_of(data);
      co_return out;
    }
    if (asked->what == nat_question::kind::descriptor) {
      out = co_await by_descriptor(passed.get());
    } else {
      nat_entries flows = co_await find(*asked);
      std::erase_if(flows, [&](const nat::entry& f) { return !may_see(peer, f, diag_of(f)); });
      out = choose(flows, core::clock::now());
    }
    out.token = asked->token;
    co_return out;
  }

  int diag_of(const nat::entry& flow) {
    if (flow.key.netns != 0) return home.sock_diag.get();
    if (!own_diag) own_diag = interceptor::open_sock_diag();
    return own_diag.get();
  }

  nat_shard_actor shard_for(const core::endpoint& source) {
    const auto count = static_cast<std::uint32_t>(home.shared->who.workers());
    return home.shared->who.shard(core::shard_of(source.port, count));
  }

  asio::awaitable<nat_entries> find(const nat_question& asked) {
    std::optional<nat_entries> found;
    const nat_shard_actor shard = shard_for(asked.source);
    if (asked.what == nat_question::kind::flow) {
      const core::flow_key key{asked.protocol, asked.source, asked.local, asked.netns};
      found = co_await ask<nat_entries>(home.questions, shard, ask_timeout, find_atom::value, key);
    } else {
      core::endpoint source = asked.source;
      if (asked.what == nat_question::kind::source_port) source.address = {};
      found = co_await ask<nat_entries>(home.questions, shard, ask_timeout, find_atom::value, source);
    }
    co_return std::move(found).value_or(nat_entries{});
  }

  // Whoever holds the accepted socket may ask, whoever they are.
  asio::awaitable<nat_answer> by_descriptor(int fd) {
    nat_answer out;
    if (fd < 0) {
      out.what = nat_answer::status::error;
      out.error = wire::nat_error::bad_message;
      co_return out;
    }
    nat_question exact;
    exact.what = nat_question::kind::flow;
    exact.source = io::peer_address(fd);
    exact.local = io::bound_address(fd);
    nat_entries flows;
    if (exact.source.port != 0) flows = co_await find(exact);
    if (flows.empty() && home.shared->sandbox_netns != 0) {
      exact.netns = home.shared->sandbox_netns;
      flows = co_await find(exact);
    }
    // Addresses can be had by anybody, with a UDP socket or in another namespace; the socket itself cannot.
    std::erase_if(flows, [cookie = io::socket_cookie(fd)](const nat::entry& f) { return f.cookie != cookie; });
    co_return choose(flows, core::clock::now());
  }

  // -- admin.sock

  static asio::awaitable<void> serve_admin(std::shared_ptr<impl> self, client_ptr one) {
    channel& socket = *one->socket;
    wire::admin_request request;
    std::string problem;
    auto script = wire::admin_read_request(request, problem);
    while (!script.done()) {
      std::array<std::uint8_t, 512> in;
      const auto [error, size] = co_await socket.async_read_some(asio::buffer(in), plain_result);
      if (error) co_return;
      for (std::size_t taken = 0; taken < size && !script.done();) taken += script.feed({in.data() + taken, size - taken});
    }
    std::string reply;
    if (script.result() == core::errc::ok) {
      reply = co_await self->act(request);
    } else {
      reply = reply_error(problem);
    }
    co_await asio::async_write(socket, asio::buffer(reply), plain_result);
  }

  asio::awaitable<std::string> act(const wire::admin_request& request) {
    switch (request.verb) {
      case wire::admin_verb::version: co_return reply_version();
      case wire::admin_verb::nat_stats: co_return co_await nat_stats();
      case wire::admin_verb::nat_list: co_return co_await nat_list(request.limit);
      case wire::admin_verb::connections: co_return co_await connections(request.limit);
      case wire::admin_verb::connections_kill: co_return co_await kill(request.id);
    }
    co_return reply_error("not served");
  }

  asio::awaitable<std::string> nat_stats() {
    nat::stats all;
    for (std::size_t w = 0; w < home.shared->who.workers(); ++w) {
      const nat_shard_actor shard = home.shared->who.shard(w);
      const auto one = co_await ask<nat::stats>(home.questions, shard, ask_timeout, stats_atom::value);
      if (one) all += *one;
    }
    co_return reply_nat_stats(all, home.shared->loops.load());
  }

  asio::awaitable<std::string> nat_list(std::uint64_t limit) {
    nat_entries all;
    for (std::size_t w = 0; w < home.shared->who.workers() && all.size() < limit; ++w) {
      const nat_shard_actor shard = home.shared->who.shard(w);
      std::uint64_t cursor = 0;
      do {
        const std::uint64_t most = std::min<std::uint64_t>(page_size, limit - all.size());
        auto page = co_await ask<nat_page>(home.questions, shard, ask_timeout, list_atom::value, cursor, most);
        if (!page) break;
        std::move(page->entries.begin(), page->entries.end(), std::back_inserter(all));
        cursor = page->next;
      } while (cursor != 0 && all.size() < limit);
    }
    co_return reply_nat_list(all, core::clock::now());
  }

  asio::awaitable<std::string> connections(std::uint64_t limit) {
    connection_list all;
    for (std::size_t w = 0; w < home.shared->who.workers(); ++w) {
      const forwarder_actor forwarder = home.shared->who.forwarder(w);
      auto some = co_await ask<connection_list>(home.questions, forwarder, ask_timeout, list_atom::value);
      if (some) std::move(some->begin(), some->end(), std::back_inserter(all));
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    if (all.size() > limit) all.resize(limit);
    co_return reply_connections(all, core::clock::now());
  }

  asio::awaitable<std::string> kill(std::uint64_t id) {
    bool found = false;
    for (std::size_t w = 0; w < home.shared->who.workers() && !found; ++w) {
      const forwarder_actor forwarder = home.shared->who.forwarder(w);
      const auto there = co_await ask<bool>(home.questions, forwarder, ask_timeout, kill_atom::value, id);
      found = there.value_or(false);
    }
    co_return reply_killed(found);
  }

  void stop() noexcept {
    boost::system::error_code ignored;
    for (const auto& listener : listeners) listener->close(ignored);
    for (const auto& one : clients) one->close();
    for (const auto& path : paths) ::unlink(path.c_str());
    paths.clear();
  }

  control& home;
  io::descriptor own_diag;  // opened when the first ordinary user asks
  std::vector<channel_ptr> listeners;
  std::vector<std::string> paths;
  std::list<client_ptr> clients;
};

query_server::query_server(control& home) : impl_{std::make_shared<impl>(home)} {}

query_server::~query_server() { stop(); }

std::string query_server::open() {
  const configuration& config = impl_->home.shared->config;
  // Everybody may ask: every answer is filtered. Only the owner may steer.
  std::string error = impl_->open(config.query_socket, io::unix_kind::seqpacket, 0666, &impl::serve_questions);
  if (error.empty()) error = impl_->open(config.admin_socket, io::unix_kind::stream, 0600, &impl::serve_admin);
  return error;
}

void query_server::stop() noexcept { impl_->stop(); }

}  // namespace omnilink::actors
