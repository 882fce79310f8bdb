// What a socket knows of its readiness, where the kernel tells it once only.
#include "io/readiness.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "tests/io/streams.hpp"

namespace omnilink::io::test {
namespace {

using namespace std::chrono_literals;

struct counting final : waiter {
  void ready(core::errc outcome) override {
    ++calls;
    last = outcome;
    if (then) then();
  }
  void abandon() noexcept override { abandoned = true; }
  int calls = 0;
  core::errc last = core::errc::internal;
  bool abandoned = false;
  std::function<void()> then;
};

void put(stream& to, const char* text) { ASSERT_GT(::send(to.socket().native_handle(), text, std::strlen(text), 0), 0); }

std::size_t take(stream& from, std::size_t room = 64) {
  std::array<std::uint8_t, 64> space;
  const progress got = from.read(std::span{space}.first(room));
  return got.done() ? got.count : 0;
}

// Everything that has happened so far is known.
void settle(loop& on) {
  while (on.context.poll() > 0) {
  }
}

TEST(readiness, a_socket_that_gave_less_than_it_could_is_not_asked_again) {
  loop events;
  auto ends = connect_ends(events);
  put(*ends.far, "abc");
  counting reader;
  EXPECT_EQ(take(*ends.near), 3u);
  EXPECT_FALSE(ends.near->socket().known().worth_a_try(event::read));
  ends.near->socket().wait(event::read, reader);
  settle(events);
  EXPECT_EQ(reader.calls, 0);
  put(*ends.far, "d");
  EXPECT_TRUE(events.until([&] { return reader.calls == 1; }));
  EXPECT_EQ(reader.last, core::errc::ok);
  EXPECT_EQ(take(*ends.near), 1u);
}

TEST(readiness, an_end_right_behind_the_last_bytes_is_seen) {
  loop events;
  auto ends = connect_ends(events);
  counting reader;
  ends.near->socket().known().exhausted(event::read);
  ends.near->socket().wait(event::read, reader);
  put(*ends.far, "abc");
  ASSERT_EQ(::shutdown(ends.far->socket().native_handle(), SHUT_WR), 0);  // one edge for both
  ASSERT_TRUE(events.until([&] { return reader.calls == 1; }));
  EXPECT_EQ(take(*ends.near), 3u);
  std::array<std::uint8_t, 8> space;
  EXPECT_EQ(ends.near->read(space).what, progress::kind::eof);
}

TEST(readiness, what_lies_behind_urgent_data_is_read) {
  loop events;
  auto ends = connect_ends(events);
  counting reader;
  ends.near->socket().known().exhausted(event::read);
  ends.near->socket().wait(event::read, reader);
  put(*ends.far, "abc");
  ASSERT_EQ(::send(ends.far->socket().native_handle(), "!", 1, MSG_OOB), 1);
  put(*ends.far, "def");
  ASSERT_TRUE(events.until([&] { return is_acknowledged(*ends.far) && reader.calls == 1; }));
  settle(events);
  EXPECT_EQ(take(*ends.near), 3u);  // recv(2) stops at the mark
  EXPECT_EQ(take(*ends.near), 3u);
}

TEST(readiness, an_edge_that_nobody_waited_for_is_remembered) {
  loop events;
  auto ends = connect_ends(events);
  counting reader, again;
  ends.near->socket().known().exhausted(event::read);
  ends.near->socket().wait(event::read, reader);
  put(*ends.far, "a");
  ASSERT_TRUE(events.until([&] { return reader.calls == 1; }));
  take(*ends.near);
  put(*ends.far, "b");
  ASSERT_TRUE(events.until([&] { return ends.near->socket().known().worth_a_try(event::read); }));
  ends.near->socket().wait(event::read, again);
  EXPECT_EQ(again.calls, 0) << "never from within the call";
  EXPECT_TRUE(events.until([&] { return again.calls == 1; }));
}

TEST(readiness, several_may_wait_for_the_same_and_one_may_end_the_others) {
  loop events;
  auto ends = connect_ends(events);
  counting first, second, writer;
  ends.near->socket().known().exhausted(event::read);
  first.then = [&] {
    second.unlink();
    ends.near->close();
  };
  for (counting* each : {&first, &second}) ends.near->socket().wait(event::read, *each);
  ends.near->socket().known().exhausted(event::write);
  ends.near->socket().wait(event::write, writer);
  put(*ends.far, "x");
  ASSERT_TRUE(events.until([&] { return writer.calls == 1; }));
  EXPECT_EQ(first.calls, 1);
  EXPECT_EQ(second.calls, 0);
  EXPECT_EQ(writer.last, core::errc::canceled);
}

// The kernel told of it before it was closed; Asio has it in its queue when the next socket comes.
TEST(readiness, what_was_told_of_a_closed_socket_is_not_believed_of_the_next) {
  loop events;
  std::vector<two_ends> all;
  std::vector<std::unique_ptr<counting>> readers;
  std::vector<two_ends> next;
  for (int i = 0; i < 16; ++i) {
    all.push_back(connect_ends(events));
    readers.push_back(std::make_unique<counting>());
    all.back().near->socket().known().exhausted(event::read);
    all.back().near->socket().wait(event::read, *readers.back());
  }
  settle(events);
  bool closed = false;
  for (auto& each : readers) {
    each->then = [&] {
      if (std::exchange(closed, true)) return;
      for (two_ends& one : all) one.near->close();
      for (int i = 0; i < 16; ++i) {
        next.push_back(connect_ends(events));
        next.back().near->socket().known().exhausted(event::read);
      }
    };
  }
  for (two_ends& one : all) put(*one.far, "x");
  ASSERT_TRUE(events.until([&] { return closed; }));
  settle(events);
  for (two_ends& one : next) EXPECT_FALSE(one.near->socket().known().worth_a_try(event::read));
}

TEST(readiness, a_reset_is_an_error_event) {
  loop events;
  auto ends = connect_ends(events);
  counting broken;
  ends.near->socket().wait(event::error, broken);
  ends.far->set_reset_on_close();
  ends.far->close();
  EXPECT_TRUE(events.until([&] { return broken.calls == 1; }));
}

// Whatever waits in a coroutine goes with its io_context; the leak checker has an eye on it.
TEST(readiness, the_end_of_the_io_context_lets_go_of_who_waits) {
  const auto witness = std::make_shared<int>(1);
  counting waiting;
  {
    loop events;
    auto ends = std::make_shared<two_ends>(connect_ends(events));
    events.spawn([](std::shared_ptr<int>, std::shared_ptr<two_ends> kept) -> task<int> {
      std::array<std::uint8_t, 8> space;
      co_await read_some(*kept->near, space);
      co_return 0;
    }(witness, ends));
    auto others = std::make_shared<two_ends>(connect_ends(events));
    others->near->socket().known().exhausted(event::read);
    others->near->socket().wait(event::read, waiting);
    settle(events);
    EXPECT_EQ(witness.use_count(), 2);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

}  // namespace
}  // namespace omnilink::io::test
