#include "io/resolve.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <memory>
#include <thread>

namespace omnilink::io::test {
namespace {

namespace asio = boost::asio;
using core::errc;

// An io_context on a thread of its own, as workers and control are.
class runner {
 public:
  ~runner() { join(); }
  void join() {
    guard_.reset();
    context.stop();
    if (thread_.joinable()) thread_.join();
  }
  asio::io_context context;

 private:
  asio::executor_work_guard<asio::io_context::executor_type> guard_ = asio::make_work_guard(context);
  std::thread thread_{[this] { context.run(); }};
};

// They post to each other, so all threads end before any context is destroyed.
struct threads {
  ~threads() {
    control.join();
    worker.join();
    other_worker.join();
  }
  runner control, worker, other_worker;
};

struct reply {
  resolver::result answer;
  std::thread::id thread;
};

asio::awaitable<void> ask(resolver& names, std::string name, std::uint16_t port, std::promise<reply> to) {
  const auto before = std::this_thread::get_id();
  auto answer = co_await names.resolve(std::move(name), port);
  EXPECT_EQ(before, std::this_thread::get_id());
  to.set_value({std::move(answer), std::this_thread::get_id()});
}

std::future<reply> ask_on(runner& worker, resolver& names, std::string name, std::uint16_t port = 80) {
  std::promise<reply> to;
  auto out = to.get_future();
  asio::co_spawn(worker.context, ask(names, std::move(name), port, std::move(to)), asio::detached);
  return out;
}

TEST(resolver, D8_identical_questions_of_all_workers_are_asked_once) {
  std::promise<void> release;
  const auto released = release.get_future().share();
  std::atomic<int> asked{0};
  threads on;
  resolver names{on.control.context.get_executor(), [&](const std::string&) -> resolver::addresses {
                   ++asked;
                   released.wait();
                   return std::vector{core::address::v4(0x7f000001)};
                 }};
  std::vector<std::future<reply>> answers;
  for (std::uint16_t i = 1; i <= 100; ++i)
    answers.push_back(ask_on(i % 2 ? on.worker : on.other_worker, names, "a.example", i));
  // One that nobody waits for any more.
  { const auto abandoned = ask_on(on.worker, names, "a.example"); }
  release.set_value();
  std::uint16_t port = 0;
  for (auto& each : answers) {
    const auto got = each.get().answer;
    ASSERT_TRUE(got.has_value());
    ASSERT_EQ(got->size(), 1u);
    EXPECT_EQ(got->front(), (core::endpoint{core::address::v4(0x7f000001), ++port}));
  }
  EXPECT_EQ(asked, 1);
}

TEST(resolver, D8_a_slow_name_does_not_hold_up_another) {
  std::promise<void> release;
  const auto released = release.get_future().share();
  threads on;
  resolver names{on.control.context.get_executor(), [&](const std::string& name) -> resolver::addresses {
                   if (name == "slow.example") released.wait();
                   return std::vector{core::address::v4(0x7f000001)};
                 }};
  auto slow = ask_on(on.worker, names, "slow.example");
  EXPECT_TRUE(ask_on(on.worker, names, "fast.example").get().answer.has_value());
  release.set_value();
  EXPECT_TRUE(slow.get().answer.has_value());
}

TEST(resolver, answers_and_failures_are_kept) {
  std::atomic<int> asked{0};
  threads on;
  resolver names{on.control.context.get_executor(), [&](const std::string& name) -> resolver::addresses {
                   ++asked;
                   if (name == "none.example") return errc::name_not_found;
                   return std::vector{core::address::v4(0x7f000001)};
                 }};
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(ask_on(on.worker, names, "a.example").get().answer.has_value());
    EXPECT_EQ(ask_on(on.worker, names, "none.example").get().answer.error(), errc::name_not_found);
  }
  EXPECT_EQ(asked, 2);
}

TEST(resolver, more_names_than_it_keeps) {
  threads on;
  resolver names{on.control.context.get_executor(), [](const std::string&) -> resolver::addresses {
                   return std::vector{core::address::v4(0x7f000001)};
                 }};
  for (int i = 0; i < 1500; ++i) {
    ASSERT_TRUE(ask_on(on.worker, names, std::to_string(i) + ".example").get().answer.has_value()) << i;
  }
}

TEST(resolver, too_many_questions_at_once_are_refused) {
  std::promise<void> release;
  const auto released = release.get_future().share();
  threads on;
  resolver names{on.control.context.get_executor(), [&](const std::string&) -> resolver::addresses {
                   released.wait();
                   return errc::resolve_failed;
                 }};
  std::vector<std::future<reply>> answers;
  for (int i = 0; i < 1025; ++i) answers.push_back(ask_on(on.worker, names, std::to_string(i) + ".example"));
  EXPECT_EQ(answers.back().get().answer.error(), errc::limit_reached);
  answers.pop_back();
  release.set_value();
  for (auto& each : answers) EXPECT_EQ(each.get().answer.error(), errc::resolve_failed);
}

TEST(resolver, stop_ends_open_questions_and_nobody_waits_for_a_look_up_that_hangs) {
  std::promise<void> release, entered;
  threads on;
  auto names = std::make_unique<resolver>(
      on.control.context.get_executor(),
      // By value: it goes on after everything of this test is gone.
      [released = release.get_future().share(), &entered](const std::string&) -> resolver::addresses {
        entered.set_value();
        released.wait();
        return errc::resolve_failed;
      });
  auto reply = ask_on(on.worker, *names, "silent.example");
  entered.get_future().wait();
  asio::post(on.control.context, [&] { names->stop(); });
  EXPECT_EQ(reply.get().answer.error(), errc::canceled);
  EXPECT_EQ(ask_on(on.worker, *names, "later.example").get().answer.error(), errc::canceled);
  on.control.join();
  on.worker.join();
  names.reset();  // while it still hangs: the proof is that this returns
  release.set_value();
}

TEST(resolver, the_system_knows_addresses_and_localhost) {
  EXPECT_EQ(*resolver::ask_system("192.0.2.7"), std::vector{*core::address::parse("192.0.2.7")});
  const auto local = resolver::ask_system("localhost");
  ASSERT_TRUE(local.has_value());
  EXPECT_TRUE(local->front().is_loopback());
}

}  // namespace
}  // namespace omnilink::io::test
