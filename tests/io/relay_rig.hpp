// A relay between two connected pairs of streams, in every combination of TCP and TLS.
#pragma once

#include "io/relay.hpp"
#include "tests/io/streams.hpp"

namespace omnilink::io::test {

using namespace std::chrono_literals;

struct legs {
  bool client_tls = false;
  bool upstream_tls = false;
};

// A client and an upstream with a relay between them that closes both streams when it has ended, as its
// caller does.
class rig {
 public:
  explicit rig(legs which = {}, relay_options options = {60s, 60s}, pipe_pool::maker make_pipe = &pipe::make)
      : pipes{std::move(make_pipe)}, options_{options} {
    auto towards_client = connect_ends(events);
    auto towards_upstream = connect_ends(events);
    client = std::move(towards_client.far);
    near_client = std::move(towards_client.near);
    upstream = std::move(towards_upstream.far);
    near_upstream = std::move(towards_upstream.near);
    if (which.client_tls) secure(client, near_client);
    if (which.upstream_tls) secure(near_upstream, upstream);
  }

  void start() { ended_ = events.spawn(carry()); }

  bool ended() const { return ended_ && ended_->has_value(); }
  relay_result result() {
    EXPECT_TRUE(events.until([this] { return ended(); }));
    return ended() ? **ended_ : relay_result{};
  }

  void small_buffers() {
    for (stream* each : {client.get(), near_client.get(), upstream.get(), near_upstream.get()}) {
      each->socket().set_option(tcp::socket::send_buffer_size{32 * 1024});
      each->socket().set_option(tcp::socket::receive_buffer_size{32 * 1024});
    }
  }

  // The client is ahead of upstream, and what it has in flight fills the relay's buffer at every read.
  void start_bulk() {
    client->socket().set_option(tcp::socket::send_buffer_size{200 * 1024});
    near_client->socket().set_option(tcp::socket::receive_buffer_size{200 * 1024});
    near_upstream->socket().set_option(tcp::socket::send_buffer_size{16 * 1024});
    upstream->socket().set_option(tcp::socket::receive_buffer_size{32 * 1024});
    start();
  }

  // A pipe that `size` bytes went into and that upstream's slowness keeps full; the client has nothing in
  // flight.
  std::shared_ptr<std::optional<transfer>> fill_a_pipe(std::size_t size, std::size_t read_before) {
    start_bulk();
    const auto request = events.spawn(send(*client, size, 30, false));
    arrived = events.finish(receive(*upstream, read_before)).all;
    EXPECT_TRUE(events.until(
        [&] { return request->has_value() && is_acknowledged(*client) && pipes.in_use() == 1; }));
    return request;
  }

  tally arrived;  // at upstream, while the pipe was being filled
  loop events;
  std::unique_ptr<stream> client, near_client, near_upstream, upstream;
  relay_counters counters;
  pipe_pool pipes;
  deadlines timers{events.context.get_executor()};

 private:
  void secure(std::unique_ptr<stream>& connecting, std::unique_ptr<stream>& accepting) {
    static const tls_pair contexts = make_tls();
    connecting = make_tls_stream(std::move(connecting), *contexts.client);
    accepting = make_tls_stream(std::move(accepting), *contexts.server);
    const auto both = shake_hands(events, *connecting, *accepting);
    ASSERT_EQ(both.client.code, core::errc::ok) << both.client.detail;
    ASSERT_EQ(both.server.code, core::errc::ok) << both.server.detail;
  }

  task<relay_result> carry() {
    const auto result =
        co_await relay(*near_client, *near_upstream, *buffer_, pipes, timers, options_, counters);
    near_client->close();
    near_upstream->close();
    co_return result;
  }

  std::unique_ptr<relay_buffer> buffer_ = std::make_unique<relay_buffer>();
  const relay_options options_;
  std::shared_ptr<std::optional<relay_result>> ended_;
};

inline auto all_legs() {
  return testing::Values(legs{}, legs{false, true}, legs{true, false}, legs{true, true});
}

inline std::string name_of_legs(const testing::TestParamInfo<legs>& info) {
  return std::string{info.param.client_tls ? "tls" : "tcp"} + "_to_" +
         (info.param.upstream_tls ? "tls" : "tcp");
}
/// Many times the relay's buffer, and no multiple of it.
constexpr std::size_t much = 3'000'001;

}  // namespace omnilink::io::test
