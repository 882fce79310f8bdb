#include "io/drive.hpp"

#include "tests/io/streams.hpp"

namespace omnilink::io::test {
namespace {

using core::errc;

wire::bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

wire::handshake receive_two_messages(std::string& seen) {
  const auto first = co_await wire::receive{3};
  seen.assign(first.begin(), first.end());
  co_await wire::send{as_bytes("ok")};
  const auto second = co_await wire::receive{2};
  seen.append(second.begin(), second.end());
  co_return seen == "abcde" ? errc::ok : errc::bad_message;
}

wire::handshake receive_line() {
  const auto line = co_await wire::receive_until{64 * 1024, "\n"};
  co_return line.empty() ? errc::oversized : errc::ok;
}

TEST(drive, what_is_behind_the_last_message_stays_in_the_stream) {
  loop events;
  auto ends = connect_ends(events);
  std::string seen;
  auto script = receive_two_messages(seen);
  const auto driven = events.spawn(drive(*ends.near, script));
  ASSERT_TRUE(events.finish(write_all(*ends.far, as_bytes("abcdeREST"))).done());
  ASSERT_TRUE(events.until([&] { return driven->has_value(); }));
  EXPECT_EQ((*driven)->code, errc::ok);
  tally expected;
  expected.add(as_bytes("REST"));
  EXPECT_EQ(events.finish(receive(*ends.near, 4)).all, expected);
}

TEST(drive, C1_one_byte_at_a_time) {
  loop events;
  auto ends = connect_ends(events);
  std::string seen;
  auto script = receive_two_messages(seen);
  const auto driven = events.spawn(drive(*ends.near, script));
  for (const char each : std::string_view{"abcde"}) {
    ASSERT_TRUE(events.finish(write_all(*ends.far, as_bytes({&each, 1}))).done());
    events.context.restart();
    events.context.poll();
  }
  ASSERT_TRUE(events.until([&] { return driven->has_value(); }));
  EXPECT_EQ((*driven)->code, errc::ok);
}

TEST(drive, an_end_in_the_middle_is_closed_early) {
  loop events;
  auto ends = connect_ends(events);
  auto script = receive_line();
  const auto driven = events.spawn(drive(*ends.near, script));
  ASSERT_TRUE(events.finish(write_all(*ends.far, as_bytes("no end of li"))).done());
  ends.far->close();
  ASSERT_TRUE(events.until([&] { return driven->has_value(); }));
  EXPECT_EQ((*driven)->code, errc::closed_early);
}

TEST(drive, C3_an_endless_line_is_oversized) {
  loop events;
  auto ends = connect_ends(events);
  auto script = receive_line();
  const auto driven = events.spawn(drive(*ends.near, script));
  const std::vector<std::uint8_t> flood(200'000, 'x');
  const auto sent = events.spawn(write_all(*ends.far, flood));
  ASSERT_TRUE(events.until([&] { return driven->has_value(); }));
  EXPECT_EQ((*driven)->code, errc::oversized);
  EXPECT_LE(ends.near->buffered(), 64u * 1024);
}

TEST(drive, closing_the_stream_ends_it) {
  loop events;
  auto ends = connect_ends(events);
  auto script = receive_line();
  const auto driven = events.spawn(drive(*ends.near, script));
  events.context.poll();
  ends.near->close();
  ASSERT_TRUE(events.until([&] { return driven->has_value(); }));
  EXPECT_EQ((*driven)->code, errc::canceled);
}

TEST(stream, unread_bytes_come_back_in_order_and_before_all_others) {
  loop events;
  auto ends = connect_ends(events);
  ASSERT_TRUE(events.finish(write_all(*ends.far, as_bytes("ef"))).done());
  ends.near->unread(as_bytes("bcd"));
  ends.near->unread(as_bytes("a"));
  tally expected;
  expected.add(as_bytes("abcdef"));
  EXPECT_EQ(events.finish(receive(*ends.near, 6)).all, expected);
}

TEST(stream, a_refused_reset_and_ended_peer_are_told_apart) {
  loop events;
  auto ended = connect_ends(events);
  ended.far->close();
  EXPECT_EQ(events.finish(receive(*ended.near)).last.what, progress::kind::eof);
  auto reset = connect_ends(events);
  reset.far->set_reset_on_close();
  reset.far->close();
  const auto failed = events.finish(receive(*reset.near)).last;
  EXPECT_EQ(failed.code, errc::reset);
  EXPECT_EQ(failed.system_errno, ECONNRESET);
}

}  // namespace
}  // namespace omnilink::io::test
