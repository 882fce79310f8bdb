#include "io/relay.hpp"

#include "io/drive.hpp"
#include "tests/io/relay_rig.hpp"

namespace omnilink::io::test {
namespace {

using core::errc;

// ---------------------------------------------------------------------------------- ends

class relay_on_legs : public testing::TestWithParam<legs> {};

void expect_equal(const std::optional<transfer>& sent, const std::optional<transfer>& received) {
  ASSERT_TRUE(sent && received);
  EXPECT_TRUE(sent->last.done());
  EXPECT_EQ(received->last.what, progress::kind::eof);
  EXPECT_EQ(sent->all, received->all);
}

TEST_P(relay_on_legs, B1_client_ends_first_and_the_reply_still_comes) {
  rig r{GetParam()};
  r.start();
  const auto request = r.events.spawn(send(*r.client, much, 1));
  const auto arrived = r.events.spawn(receive(*r.upstream));
  ASSERT_TRUE(r.events.until([&] { return arrived->has_value(); }));
  EXPECT_FALSE(r.ended());
  const auto reply = r.events.spawn(send(*r.upstream, much + 1, 2));
  const auto returned = r.events.spawn(receive(*r.client));
  ASSERT_TRUE(r.events.until([&] { return returned->has_value(); }));
  expect_equal(*request, *arrived);
  expect_equal(*reply, *returned);
  const auto result = r.result();
  EXPECT_EQ(result.code, errc::ok);
  EXPECT_EQ(result.up, much);
  EXPECT_EQ(result.down, much + 1);
}

TEST_P(relay_on_legs, B1_upstream_ends_first_and_the_client_goes_on) {
  rig r{GetParam()};
  r.start();
  const auto reply = r.events.spawn(send(*r.upstream, much, 3));
  const auto returned = r.events.spawn(receive(*r.client));
  ASSERT_TRUE(r.events.until([&] { return returned->has_value(); }));
  EXPECT_FALSE(r.ended());
  const auto request = r.events.spawn(send(*r.client, much, 4));
  const auto arrived = r.events.spawn(receive(*r.upstream));
  ASSERT_TRUE(r.events.until([&] { return arrived->has_value(); }));
  expect_equal(*request, *arrived);
  expect_equal(*reply, *returned);
  EXPECT_EQ(r.result().code, errc::ok);
}

TEST_P(relay_on_legs, B1_both_send_and_end_at_once) {
  rig r{GetParam()};
  r.start();
  const auto request = r.events.spawn(send(*r.client, much, 5));
  const auto reply = r.events.spawn(send(*r.upstream, much, 6));
  const auto arrived = r.events.spawn(receive(*r.upstream));
  const auto returned = r.events.spawn(receive(*r.client));
  ASSERT_TRUE(r.events.until([&] { return arrived->has_value() && returned->has_value(); }));
  expect_equal(*request, *arrived);
  expect_equal(*reply, *returned);
  EXPECT_EQ(r.result().code, errc::ok);
}

TEST_P(relay_on_legs, B1_client_ends_before_anything_was_said) {
  rig r{GetParam()};
  const auto request = r.events.spawn(send(*r.client, 0, 7));
  ASSERT_TRUE(r.events.until([&] { return request->has_value(); }));
  r.start();
  const auto arrived = r.events.spawn(receive(*r.upstream));
  ASSERT_TRUE(r.events.until([&] { return arrived->has_value(); }));
  EXPECT_EQ((*arrived)->all.count, 0u);
  EXPECT_EQ((*arrived)->last.what, progress::kind::eof);
  const auto reply = r.events.spawn(send(*r.upstream, much, 8));
  const auto returned = r.events.spawn(receive(*r.client));
  ASSERT_TRUE(r.events.until([&] { return returned->has_value(); }));
  expect_equal(*reply, *returned);
  EXPECT_EQ(r.result().code, errc::ok);
}

// ---------------------------------------------------------------------------------- resets

TEST_P(relay_on_legs, B2_reset_by_the_client_is_a_reset_for_upstream) {
  rig r{GetParam()};
  r.start();
  const auto request = r.events.spawn(send(*r.client, 1000, 9, false));
  const auto arrived = r.events.spawn(receive(*r.upstream));
  ASSERT_TRUE(r.events.until([&] { return request->has_value() && is_acknowledged(*r.client); }));
  r.client->set_reset_on_close();
  r.client->close();
  ASSERT_TRUE(r.events.until([&] { return arrived->has_value(); }));
  EXPECT_EQ((*arrived)->all, (*request)->all);
  EXPECT_EQ((*arrived)->last.code, errc::reset);
  const auto result = r.result();
  EXPECT_EQ(result.code, errc::reset);
  EXPECT_EQ(result.failed, relay_side::client);
  EXPECT_EQ(result.system_errno, ECONNRESET);
}

TEST_P(relay_on_legs, B2_reset_by_upstream_is_a_reset_for_the_client) {
  rig r{GetParam()};
  r.start();
  const auto reply = r.events.spawn(send(*r.upstream, 1000, 10, false));
  const auto returned = r.events.spawn(receive(*r.client));
  ASSERT_TRUE(r.events.until([&] { return reply->has_value() && is_acknowledged(*r.upstream); }));
  r.upstream->set_reset_on_close();
  r.upstream->close();
  ASSERT_TRUE(r.events.until([&] { return returned->has_value(); }));
  EXPECT_EQ((*returned)->all, (*reply)->all);
  EXPECT_EQ((*returned)->last.code, errc::reset);
  const auto result = r.result();
  EXPECT_EQ(result.code, errc::reset);
  EXPECT_EQ(result.failed, relay_side::upstream);
}

// The reader begins only after the reset: all that came before waits in the relay and in the kernel.
TEST_P(relay_on_legs, B3_what_came_before_the_reset_is_delivered_first) {
  rig r{GetParam()};
  r.upstream->socket().set_option(tcp::socket::receive_buffer_size{32 * 1024});
  r.near_upstream->socket().set_option(tcp::socket::send_buffer_size{16384});
  r.start();
  const auto request = r.events.spawn(send(*r.client, 150'000, 11, false));
  ASSERT_TRUE(r.events.until([&] { return request->has_value() && is_acknowledged(*r.client); }));
  r.client->set_reset_on_close();
  r.client->close();
  r.events.context.run_for(20ms);
  EXPECT_FALSE(r.ended());
  const auto arrived = r.events.spawn(receive(*r.upstream));
  ASSERT_TRUE(r.events.until([&] { return arrived->has_value(); }));
  EXPECT_EQ((*arrived)->all, (*request)->all);
  EXPECT_EQ((*arrived)->last.code, errc::reset);
  EXPECT_EQ(r.result().code, errc::reset);
}

// The relay has given everything to the kernel, whose queue an RST would throw away.
TEST_P(relay_on_legs, B3_what_waits_in_the_kernel_is_delivered_first) {
  rig r{GetParam()};
  r.upstream->socket().set_option(tcp::socket::receive_buffer_size{16 * 1024});
  r.near_upstream->socket().set_option(tcp::socket::send_buffer_size{1024 * 1024});
  r.start();
  const auto request = r.events.spawn(send(*r.client, 150'000, 22, false));
  ASSERT_TRUE(r.events.until([&] { return r.counters.up == 150'000; }));
  ASSERT_FALSE(is_acknowledged(*r.near_upstream));
  r.client->set_reset_on_close();
  r.client->close();
  r.events.context.run_for(20ms);
  EXPECT_FALSE(r.ended());
  const auto arrived = r.events.spawn(receive(*r.upstream));
  ASSERT_TRUE(r.events.until([&] { return arrived->has_value(); }));
  EXPECT_EQ((*arrived)->all, (*request)->all);
  EXPECT_EQ((*arrived)->last.code, errc::reset);
  EXPECT_EQ(r.result().code, errc::reset);
}

TEST_P(relay_on_legs, B3_closing_both_streams_ends_the_wait_for_the_kernel) {
  rig r{GetParam()};
  r.upstream->socket().set_option(tcp::socket::receive_buffer_size{16 * 1024});
  r.near_upstream->socket().set_option(tcp::socket::send_buffer_size{1024 * 1024});
  r.start();
  const auto request = r.events.spawn(send(*r.client, 150'000, 23, false));
  ASSERT_TRUE(r.events.until([&] { return r.counters.up == 150'000; }));
  r.client->set_reset_on_close();
  r.client->close();
  r.events.context.run_for(20ms);
  EXPECT_FALSE(r.ended());
  r.near_client->close();
  r.near_upstream->close();
  EXPECT_EQ(r.result().code, errc::reset);
}

// The relay learns of the reset by writing, which takes the socket's error away: the eof that reads then give
// is no end.
TEST_P(relay_on_legs, B3_a_reset_seen_while_writing_loses_nothing_either) {
  rig r{GetParam()};
  r.client->socket().set_option(tcp::socket::receive_buffer_size{32 * 1024});
  r.near_client->socket().set_option(tcp::socket::send_buffer_size{16384});
  r.start();
  const auto reply = r.events.spawn(send(*r.upstream, 150'000, 12, false));
  ASSERT_TRUE(r.events.until([&] { return reply->has_value() && is_acknowledged(*r.upstream); }));
  const auto request = r.events.spawn(send(*r.client, 1000, 13, false));
  ASSERT_TRUE(r.events.until([&] { return request->has_value() && is_acknowledged(*r.client); }));
  r.upstream->set_reset_on_close();
  r.upstream->close();
  const auto more = r.events.spawn(send(*r.client, 1000, 14, false));
  r.events.context.run_for(20ms);
  const auto returned = r.events.spawn(receive(*r.client));
  ASSERT_TRUE(r.events.until([&] { return returned->has_value(); }));
  EXPECT_EQ((*returned)->all, (*reply)->all);
  EXPECT_EQ((*returned)->last.code, errc::reset);
  EXPECT_EQ(r.result().code, errc::reset);
}

// ---------------------------------------------------------------------------------- pace

TEST_P(relay_on_legs, B9_a_slow_reader_stops_the_sender) {
  rig r{GetParam()};
  r.small_buffers();
  r.start();
  // All that a relay may hold: its buffer, TLS records of as much, and some small kernel buffers.
  constexpr std::size_t bound = 600'000;
  const auto request = r.events.spawn(send(*r.client, 4 * bound, 15));
  r.events.context.run_for(50ms);
  EXPECT_FALSE(request->has_value());
  EXPECT_LT(r.counters.up, bound);
  const auto arrived = r.events.spawn(receive(*r.upstream));
  const auto reply = r.events.spawn(send(*r.upstream, 0, 16));
  ASSERT_TRUE(r.events.until([&] { return arrived->has_value(); }));
  expect_equal(*request, *arrived);
  EXPECT_EQ(r.result().code, errc::ok);
}

// Neither peer reads before it has written everything: each direction must move while the other one is
// blocked.
TEST_P(relay_on_legs, directions_do_not_wait_for_each_other) {
  rig r{GetParam()};
  r.small_buffers();
  r.start();
  const auto request = r.events.spawn(send(*r.client, 2'000'000, 17));
  r.events.context.run_for(20ms);
  const auto reply = r.events.spawn(send(*r.upstream, much, 18));
  const auto returned = r.events.spawn(receive(*r.client));
  ASSERT_TRUE(r.events.until([&] { return returned->has_value(); }));
  EXPECT_FALSE(request->has_value());
  const auto arrived = r.events.spawn(receive(*r.upstream));
  ASSERT_TRUE(r.events.until([&] { return arrived->has_value(); }));
  expect_equal(*reply, *returned);
  expect_equal(*request, *arrived);
}

TEST_P(relay_on_legs, idle_connection_ends_with_a_reset_both_ways) {
  rig r{GetParam(), {20ms, 60s}};
  r.start();
  const auto arrived = r.events.spawn(receive(*r.upstream));
  const auto returned = r.events.spawn(receive(*r.client));
  ASSERT_TRUE(r.events.until([&] { return arrived->has_value() && returned->has_value(); }));
  EXPECT_EQ((*arrived)->last.code, errc::reset);
  EXPECT_EQ((*returned)->last.code, errc::reset);
  EXPECT_EQ(r.result().code, errc::timed_out);
  EXPECT_EQ(r.result().failed, relay_side::none);
}

TEST_P(relay_on_legs, half_closed_connection_has_its_own_timeout) {
  rig r{GetParam(), {60s, 20ms}};
  r.start();
  const auto request = r.events.spawn(send(*r.client, 10, 19));
  const auto arrived = r.events.spawn(receive(*r.upstream));
  const auto returned = r.events.spawn(receive(*r.client));
  ASSERT_TRUE(r.events.until([&] { return arrived->has_value() && returned->has_value(); }));
  EXPECT_EQ((*arrived)->last.what, progress::kind::eof);
  EXPECT_EQ((*returned)->last.code, errc::reset);
  EXPECT_EQ(r.result().code, errc::timed_out);
}

TEST_P(relay_on_legs, closing_both_streams_ends_it) {
  rig r{GetParam()};
  r.start();
  r.events.context.run_for(5ms);
  r.near_client->close();
  r.near_upstream->close();
  EXPECT_EQ(r.result().code, errc::canceled);
}

TEST_P(relay_on_legs, destroying_the_loop_in_the_middle_leaks_nothing) {
  rig r{GetParam()};
  r.start();
  const auto request = r.events.spawn(send(*r.client, much, 20));
  r.events.context.run_for(5ms);
  EXPECT_FALSE(r.ended());
}

INSTANTIATE_TEST_SUITE_P(legs, relay_on_legs, all_legs(), name_of_legs);

// ---------------------------------------------------------------------------------- the rest

// The first write has nothing before it that could hold it back.
TEST(tcp_stream, has_no_nagle_from_its_second_write_on) {
  loop events;
  const auto ends = connect_ends(events);
  const auto is_off = [](stream& one) {
    tcp::no_delay option;
    socklen_t size = sizeof(int);
    EXPECT_EQ(::getsockopt(one.socket().native_handle(), IPPROTO_TCP, TCP_NODELAY, option.data(tcp::v4()), &size), 0);
    return option.value();
  };
  const std::uint8_t byte[1] = {};
  ASSERT_TRUE(ends.near->write(byte).done());
  EXPECT_FALSE(is_off(*ends.near));
  ASSERT_TRUE(ends.near->write(byte).done());
  EXPECT_TRUE(is_off(*ends.near));
  EXPECT_FALSE(is_off(*ends.far));
}

TEST(relay, B5_upstream_cut_without_close_notify_is_a_reset_for_the_client) {
  rig r{{false, true}};
  r.start();
  const auto reply = r.events.spawn(send(*r.upstream, 100'000, 21, false));
  const auto returned = r.events.spawn(receive(*r.client));
  ASSERT_TRUE(r.events.until([&] { return reply->has_value(); }));
  ::shutdown(r.upstream->socket().native_handle(), SHUT_WR);
  ASSERT_TRUE(r.events.until([&] { return returned->has_value(); }));
  EXPECT_EQ((*returned)->all, (*reply)->all);
  EXPECT_EQ((*returned)->last.code, errc::reset);
  EXPECT_EQ(r.result().code, errc::tls_truncated);
  EXPECT_EQ(r.result().failed, relay_side::upstream);
}

// A peer that makes no room for the close_notify.
class endless final : public stream {
 public:
  explicit endless(std::unique_ptr<stream> lower) : lower_{std::move(lower)} {}
  progress write(bytes data) noexcept override { return lower_->write(data); }
  progress shutdown_send() noexcept override { return {progress::kind::want_read}; }
  tcp_socket& socket() noexcept override { return lower_->socket(); }
  bool is_plain() const noexcept override { return false; }

 protected:
  progress read_more(std::span<std::uint8_t> into) noexcept override { return lower_->read(into); }

 private:
  std::unique_ptr<stream> lower_;
};

TEST(relay, B5_an_end_that_nobody_takes_is_cut_off) {
  // The usual timeouts are not what ends it.
  rig r{{}, {1h, 1h}};
  r.near_upstream = std::make_unique<endless>(std::move(r.near_upstream));
  r.start();
  const auto request = r.events.spawn(send(*r.client, 100, 24));
  const auto arrived = r.events.spawn(receive(*r.upstream));
  const auto returned = r.events.spawn(receive(*r.client));
  // What comes meanwhile is still handed on.
  const auto reply = r.events.finish(send(*r.upstream, 5000, 25, false));
  ASSERT_TRUE(r.events.until([&] { return arrived->has_value() && returned->has_value(); }));
  EXPECT_EQ((*arrived)->all, (*request)->all);
  EXPECT_EQ((*arrived)->last.code, errc::reset);
  EXPECT_EQ((*returned)->all, reply.all);
  EXPECT_EQ((*returned)->last.code, errc::reset);
  EXPECT_EQ(r.result().code, errc::timed_out);
}

TEST(relay, bytes_read_too_early_come_first) {
  rig r;
  const std::vector<std::uint8_t> early{'e', 'a', 'r', 'l', 'y'};
  r.near_client->unread(early);
  r.start();
  const auto arrived = r.events.spawn(receive(*r.upstream, early.size()));
  ASSERT_TRUE(r.events.until([&] { return arrived->has_value(); }));
  tally expected;
  expected.add(early);
  EXPECT_EQ((*arrived)->all, expected);
}

wire::handshake ask(std::string question) {
  const wire::bytes all{reinterpret_cast<const std::uint8_t*>(question.data()), question.size()};
  co_await wire::send{all};
  const auto head = co_await wire::receive_until{256, "\r\n\r\n"};
  co_return head.empty() ? errc::oversized : errc::ok;
}

TEST(relay, B6_a_greeting_behind_the_hops_reply_reaches_the_client_at_every_split) {
  const std::string reply = "HTTP/1.1 200 OK\r\n\r\nSSH-2.0-here";
  const bytes all{reinterpret_cast<const std::uint8_t*>(reply.data()), reply.size()};
  const std::size_t head = reply.find("SSH");
  for (std::size_t split = 1; split <= reply.size(); ++split) {
    rig r;
    auto script = ask("CONNECT a:1 HTTP/1.1\r\n\r\n");
    const auto driven = r.events.spawn(drive(*r.near_upstream, script));
    ASSERT_TRUE(r.events.finish(write_all(*r.upstream, all.first(split))).done());
    r.events.context.restart();
    r.events.context.poll();
    ASSERT_TRUE(r.events.finish(write_all(*r.upstream, all.subspan(split))).done());
    ASSERT_TRUE(r.events.until([&] { return driven->has_value(); }));
    EXPECT_EQ((*driven)->code, errc::ok);
    r.start();
    const auto greeting = r.events.finish(receive(*r.client, reply.size() - head));
    tally expected;
    expected.add(all.subspan(head));
    EXPECT_EQ(greeting.all, expected) << split;
  }
}

}  // namespace
}  // namespace omnilink::io::test
