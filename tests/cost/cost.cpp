// What a worker does over and over, as often as is said: `cost_of WHAT COUNT`. test_cost.py counts its instructions.
#include <sys/socket.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "interceptor/filter/engine.hpp"
#include "io/relay.hpp"
#include "nat/table.hpp"
#include "wire/socks5.hpp"

namespace omnilink {
namespace {

using namespace std::chrono_literals;

void require(bool is_so, const char* what) {
  if (is_so) return;
  std::fprintf(stderr, "cost_of: %s\n", what);
  std::exit(1);
}

// Both roles of SOCKS5, from the greeting to the reply.
void handshake(unsigned count) {
  const core::target where{core::endpoint{core::address::v4(0xcb007105), 443}};
  const auto reply = wire::socks5_reply(0);
  const auto feed = [](wire::handshake& to, wire::bytes said) {
    while (!said.empty() && !to.done()) said = said.subspan(to.feed(said));
  };
  const auto hand_over = [&](wire::handshake& from, wire::handshake& to) {
    feed(to, from.output());
    from.sent();
  };
  for (unsigned i = 0; i < count; ++i) {
    wire::socks5_outcome outcome;
    wire::credentials login;
    wire::socks5_request request;
    auto client = wire::socks5_connect(where, {}, outcome);
    auto greeting = wire::socks5_read_greeting(false, login);
    hand_over(client, greeting);
    hand_over(greeting, client);
    auto asked = wire::socks5_read_request(false, request);
    hand_over(client, asked);
    feed(client, reply);
    require(client.done() && client.result() == core::errc::ok && asked.result() == core::errc::ok, "the handshake failed");
  }
}

// Of a hundred filters, as a large configuration has them.
void classify(unsigned count) {
  using namespace interceptor::filter;
  engine filters;
  transaction all = filters.begin();
  for (std::uint32_t n = 0; n < 100; ++n) {
    filter one;
    one.name = std::to_string(n);
    one.action = n % 2 == 0 ? action::direct() : action::block();
    one.conditions = {{field_id::remote_address, false, {*core::cidr::make(core::address::v4(0x0b000000u + n * 256), 24)}},
                      {field_id::remote_port, false, {number_range{443, 443}}}};
    all.add(std::move(one));
  }
  require(filters.commit(std::move(all)).empty(), "the filters were refused");
  const auto policy = filters.current();
  for (unsigned i = 0; i < count; ++i) {
    values known;
    known.set(field_id::remote_address, core::address::v4(0x0b000000u + i % 200 * 256 + 7)).set(field_id::remote_port, 443u);
    const bool is_somebodys = policy->classify(layer_id::connect_auth_v4, known, {}).what != decision::outcome::none;
    require(is_somebodys == (i % 200 < 100), "it was decided otherwise");
  }
}

// A flow comes, is asked for, and goes.
void flow(unsigned count) {
  constexpr core::instant start{1h};
  nat::table flows{nat::config{.linger = 1s}, 1024, start};
  for (unsigned i = 0; i < count; ++i) {
    const core::instant now = start + i * 10ms;
    nat::entry fresh;
    fresh.key.source = {core::address::v4(0x7f000001), static_cast<std::uint16_t>(32768 + i % 28000)};
    fresh.key.local = {core::address::v4(0x7f000001), 1080};
    fresh.original = core::endpoint{core::address::v4(0xcb007105), 443};
    const core::flow_key key = fresh.key;
    const auto added = flows.insert(std::move(fresh), now);
    require(flows.find(key) != nullptr && flows.close(key, added.generation, now), "the flow is not there");
    flows.sweep(now, 256);
    flows.give_back_memory();
  }
}

// 64 bytes to upstream and back through a relay.
void round_trip(unsigned count) {
  namespace asio = boost::asio;
  using io::tcp;
  asio::io_context context;
  const auto work = asio::make_work_guard(context);
  tcp::acceptor acceptor{context, {asio::ip::address_v4::loopback(), 0}};
  tcp::socket client{context}, upstream{context};
  client.connect(acceptor.local_endpoint());
  const auto near_client = io::make_tcp_stream(io::tcp_socket{acceptor.accept()});
  upstream.connect(acceptor.local_endpoint());
  const auto near_upstream = io::make_tcp_stream(io::tcp_socket{acceptor.accept()});
  io::relay_buffer buffer;
  io::pipe_pool pipes;
  io::deadlines timers{context.get_executor()};
  const io::relay_options options{60s, 60s};
  io::relay_counters counters;
  const auto relay = [&]() -> io::task<> { co_await io::relay(*near_client, *near_upstream, buffer, pipes, timers, options, counters); };
  io::start(relay());
  const auto carry = [&](tcp::socket& from, tcp::socket& to) {
    char text[64] = {};
    const std::uint64_t before = counters.up + counters.down;
    require(::send(from.native_handle(), text, sizeof text, 0) == sizeof text, "send");
    while (counters.up + counters.down == before) context.run_one();  // waits in the kernel
    require(::recv(to.native_handle(), text, sizeof text, MSG_WAITALL) == sizeof text, "recv");
  };
  for (unsigned i = 0; i < count; ++i) {
    carry(client, upstream);
    carry(upstream, client);
  }
  near_client->close();
  near_upstream->close();
  context.poll();
}

}  // namespace
}  // namespace omnilink

int main(int words, char** word) {
  using namespace omnilink;
  const std::string_view what = words == 3 ? word[1] : "", text = words == 3 ? word[2] : "";
  unsigned count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  if (what == "handshake") handshake(count);
  else if (what == "classify") classify(count);
  else if (what == "flow") flow(count);
  else if (what == "round_trip") round_trip(count);
  else require(false, "usage: cost_of handshake|classify|flow|round_trip COUNT");
}
