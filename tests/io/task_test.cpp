#include "io/task.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>
#include <set>
#include <stdexcept>
#include <string>

namespace omnilink::io::test {
namespace {

namespace asio = boost::asio;

class task_test : public testing::Test {
 protected:
  // Whoever awaits it is resumed by the io_context.
  task<int> later(int value) {
    auto begin = [&](resumption<int> done) {
      asio::post(context, [value, done = std::move(done)]() mutable { done(value); });
    };
    co_return co_await completed<int>(begin);
  }
  task<int> now(int value) { co_return value; }

  task<int> sum(int count, bool waits) {
    int out = 0;
    for (int i = 0; i < count; ++i) {
      auto next = waits ? later(1) : now(1);
      out += co_await next;
    }
    co_return out;
  }

  static task<> store(task<int> what, int& into) { into = co_await what; }

  asio::io_context context{1};
};

TEST_F(task_test, begins_when_it_is_awaited_and_ends_at_once_where_nothing_waits) {
  int out = 0;
  auto held = now(7);
  EXPECT_EQ(out, 0);
  start(store(std::move(held), out));
  EXPECT_EQ(out, 7);
}

// By nested calls, a million of either kind would take more stack than there is.
TEST_F(task_test, a_loop_over_tasks_needs_no_stack) {
  constexpr int many = 1'000'000;
  int out = 0;
  start(store(sum(many, false), out));
  EXPECT_EQ(out, many);
  start(store(sum(many, true), out));
  context.run();
  EXPECT_EQ(out, many);
}

TEST_F(task_test, what_is_thrown_arrives_where_it_is_awaited) {
  std::string heard;
  const auto thrower = [](task<int> first) -> task<int> {
    co_await first;
    throw std::runtime_error{"no"};
  };
  const auto catcher = [](task<int> what, std::string& into) -> task<> {
    try {
      co_await what;
    } catch (const std::runtime_error& error) {
      into += error.what();
    }
  };
  start(catcher(thrower(now(1)), heard));
  EXPECT_EQ(heard, "no");
  start(catcher(thrower(later(1)), heard));
  context.run();
  EXPECT_EQ(heard, "nono");
}

TEST_F(task_test, the_end_of_the_io_context_destroys_who_waits_from_the_root_on) {
  std::string order;
  struct says {
    std::string& to;
    char what;
    ~says() { to += what; }
  };
  const auto inner = [](task<int> what, std::string& to) -> task<int> {
    const says goodbye{to, 'i'};
    co_return co_await what;
  };
  const auto outer = [](task<int> what, std::string& to) -> task<> {
    const says goodbye{to, 'o'};
    co_await what;
  };
  {
    asio::io_context dies{1};
    const auto never = [](asio::io_context& on) -> task<int> {
      asio::steady_timer timer{on, asio::steady_timer::time_point::max()};
      co_await expiry(timer);
      co_return 0;
    };
    start(outer(inner(never(dies), order), order));
    EXPECT_EQ(order, "");
  }
  EXPECT_TRUE(order == "oi" || order == "io") << order;
}

TEST_F(task_test, what_completes_after_the_task_is_gone_reaches_nobody) {
  std::optional<resumption<int>> held;
  auto begin = [&](resumption<int> done) { held.emplace(std::move(done)); };
  const auto waits = [](decltype(begin)& with) -> task<> { co_await completed<int>(with); };
  {
    // Begun by hand, so that its end is ours to choose.
    task<> one = waits(begin);
    detail::promise_base up;
    one.operator co_await().frame.promise().up = &up;
    one.operator co_await().frame.resume();
    ASSERT_TRUE(held);
  }
  (*held)(1);
}

TEST_F(task_test, asios_coroutines_can_be_joined) {
  const auto asios = [](asio::io_context& on, int value) -> asio::awaitable<int> {
    co_await asio::post(on, asio::use_awaitable);
    if (value < 0) throw std::runtime_error{"no"};
    co_return value;
  };
  int out = 0;
  start(store(join(context.get_executor(), asios(context, 5)), out));
  context.run();
  EXPECT_EQ(out, 5);
}

TEST(frame_pool, the_next_of_a_size_gets_the_room_of_the_last) {
  void* const first = take_frame(200);
  give_frame_back(first, 200);
  void* const second = take_frame(250);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_EQ(first, second);
#endif
  give_frame_back(second, 250);
}

TEST(frame_pool, sizes_do_not_mix_and_large_ones_are_the_heaps) {
  std::set<void*> all;
  for (const std::size_t size : {1u, 64u, 65u, 4096u, 8192u, 8193u, 100'000u}) {
    void* const frame = take_frame(size);
    std::memset(frame, 0xa5, size);
    EXPECT_TRUE(all.insert(frame).second);
  }
  std::size_t i = 0;
  for (void* frame : all) ::operator delete(frame), ++i;
  EXPECT_EQ(i, 7u);
}

}  // namespace
}  // namespace omnilink::io::test
