// query.sock: fixed-size questions, every answer filtered by who asks (invariant 10).
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "actors/asker_session.hpp"
#include "actors/control.hpp"
#include "io/accept.hpp"
#include "io/close_elsewhere.hpp"
#include "io/unix_socket.hpp"
#include "wire/nat_query.hpp"

namespace omnilink::actors {
namespace {

namespace asio = boost::asio;
using wire::nat_answer;
using wire::nat_question;
constexpr auto plain_result = asio::as_tuple(asio::use_awaitable);

// Descriptors of askers that are still closing: until there are fewer, no more are taken.
constexpr std::size_t closing_max = 64;
constexpr std::chrono::milliseconds closing_pause{100};

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
  if (flow.program) {
    out.pid = flow.program->pid.value_or(0);
    out.gid = flow.program->gid.value_or(out.gid);
    out.process = flow.program->process;
    out.exe = flow.program->exe;
    out.cgroup = flow.program->cgroup;
  }
  out.protocol = flow.key.protocol;
  out.netns = flow.key.netns;
  out.cookie = flow.cookie;
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

struct questions {
  control& home;

  asio::awaitable<void> run(asker_session& one) {
    auto& socket = one.socket;
    for (;;) {
      const auto [error] = co_await socket.async_wait(asker_session::channel::wait_read, plain_result);
      if (error) co_return;
      one.touch();
      while (io::closes_under_way() >= closing_max) {
        asio::steady_timer pause{home.execution.io(), closing_pause};
        co_await pause.async_wait(plain_result);
      }
      // One byte more than a question: a longer message shows as too long instead of being cut to size.
      std::array<std::uint8_t, wire::nat_question_size + 1> in;
      io::unix_message message = io::receive_message(socket.native_handle(), in);
      if (message.code == core::errc::not_found) continue;
      const bool readable = message.code == core::errc::ok || message.code == core::errc::oversized;
      if (!readable) co_return;
      const nat_answer out = co_await answer(one.peer, {in.data(), message.size}, message.passed);
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
    } else if (asked->what > nat_question::kind::descriptor) {
      out.what = nat_answer::status::error;
      out.error = wire::nat_error::bad_message;
    } else {
      nat_entries flows = co_await find(*asked);
      std::erase_if(flows, [&](const nat::entry& f) { return !may_see(peer, f, home.shared->programs.sockets_of(f.key.netns)); });
      out = choose(flows, core::clock::now());
    }
    out.token = asked->token;
    co_return out;
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
};

}  // namespace

asio::awaitable<void> serve_questions(control& home, asker_session& one) {
  questions here{home};
  co_await here.run(one);
}

}  // namespace omnilink::actors
