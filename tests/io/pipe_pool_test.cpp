#include "io/pipe_pool.hpp"

#include <gtest/gtest.h>

#include "tests/io/streams.hpp"

namespace omnilink::io::test {
namespace {

TEST(pipe_pool, makes_what_is_needed_and_keeps_a_few) {
  int made = 0;
  // Of the default size: an ordinary user may have fewer large ones than the pool.
  pipe_pool pool{[&made]() -> std::optional<pipe> {
    ++made;
    int ends[2];
    if (::pipe(ends) != 0) return {};
    return pipe{descriptor{ends[0]}, descriptor{ends[1]}};
  }};
  std::vector<pipe> taken;
  while (auto one = pool.take()) taken.push_back(std::move(*one));
  EXPECT_EQ(taken.size(), pipe_pool::in_use_limit);
  EXPECT_EQ(made, static_cast<int>(pipe_pool::in_use_limit));
  for (auto& each : taken) pool.give_back(std::move(each));
  EXPECT_EQ(pool.in_use(), 0u);
  EXPECT_EQ(pool.idle(), pipe_pool::idle_limit);
  EXPECT_TRUE(pool.take());
  EXPECT_EQ(made, static_cast<int>(pipe_pool::in_use_limit));
}

TEST(pipe_pool, keeps_no_pipe_that_holds_bytes) {
  loop events;
  auto ends = connect_ends(events);
  ASSERT_TRUE(events.finish(write_all(*ends.far, std::vector<std::uint8_t>(10))).done());
  ASSERT_EQ(events.finish(until_readable(*ends.near)), core::errc::ok);
  pipe_pool pool;
  auto one = pool.take();
  ASSERT_TRUE(one);
  ASSERT_TRUE(one->fill(ends.near->socket().native_handle()).done());
  EXPECT_EQ(one->held(), 10u);
  pool.give_back(std::move(*one));
  EXPECT_EQ(pool.in_use(), 0u);
  EXPECT_EQ(pool.idle(), 0u);
}

TEST(pipe_pool, does_not_ask_again_at_once_after_a_refusal) {
  int asked = 0;
  pipe_pool pool{[&asked] {
    ++asked;
    return std::optional<pipe>{};
  }};
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(pool.take());
  EXPECT_EQ(asked, 2);
}

TEST(pipe, a_receiver_that_is_gone_is_an_error_and_no_signal) {
  loop events;
  auto from = connect_ends(events);
  auto to = connect_ends(events);
  pipe_pool pool;
  auto one = pool.take();
  ASSERT_TRUE(one);
  ASSERT_TRUE(events.finish(write_all(*from.far, std::vector<std::uint8_t>(10))).done());
  ASSERT_EQ(events.finish(until_readable(*from.near)), core::errc::ok);
  ASSERT_TRUE(one->fill(from.near->socket().native_handle()).done());
  ASSERT_TRUE(to.near->shutdown_send().done());
  const progress put = one->pour(to.near->socket().native_handle());
  EXPECT_EQ(put.code, core::errc::reset);
  EXPECT_EQ(put.system_errno, EPIPE);
  EXPECT_EQ(one->held(), 10u);
}

}  // namespace
}  // namespace omnilink::io::test
