// Transactions, registration and flows' ends while other threads classify.
#include <atomic>
#include <latch>
#include <thread>

#include "core/token_bucket.hpp"
#include "setup.hpp"

namespace omnilink::interceptor::filter {
namespace {

constexpr int askers = 3;
constexpr int commits = 300;

class counts : public callout {
 public:
  void classify(const values&, const metadata&, layer_data, const filter&, std::uint64_t context,
                classify_out& out) override {
    if (context == 0) {
      out.associate = 1;
      associated.fetch_add(1);
    }
  }
  void flow_delete(layer_id, std::uint64_t) override { given_back.fetch_add(1); }
  std::atomic<std::uint64_t> associated{0}, given_back{0};
};

// Every policy has a pair of filters in two sublayers that were committed together: "permit N" hard above,
// "chain N" below.
TEST(concurrent, a_reader_never_sees_half_a_transaction) {
  engine filters;
  transaction first = filters.begin();
  first.add(sublayer{"heavy", 0xf000, "tests"});
  ASSERT_TRUE(filters.commit(std::move(first)).empty());
  std::latch ready{askers + 1};
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> torn{0}, asked{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < askers; ++i) {
    threads.emplace_back([&] {
      reader held{filters};
      const values known;
      ready.arrive_and_wait();
      while (!stop.load()) {
        const decision d = held.now().classify(layer_id::connect_auth_v4, known, {});
        if (d.by && (!d.way || d.way->action.name != d.by->name)) torn.fetch_add(1);
        asked.fetch_add(d.by != nullptr);
      }
    });
  }
  ready.arrive_and_wait();
  for (int n = 0; n < commits || asked.load() < commits; ++n) {
    transaction t = filters.begin();
    t.remove_provider("");
    t.add(hard(make(std::to_string(n), action::permit(), 1, "heavy")));
    t.add(make("chain", action::chain(std::to_string(n))));
    ASSERT_TRUE(filters.commit(std::move(t)).empty());
  }
  stop = true;
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(torn.load(), 0u);
}

TEST(concurrent, callouts_come_and_go_and_every_context_is_given_back_once) {
  engine filters;
  transaction first = filters.begin();
  first.add_callout("c");
  first.add(make("f", action::callout(action_kind::callout_inspection, "c")));
  first.add(make("permit", action::permit(), 0));
  ASSERT_TRUE(filters.commit(std::move(first)).empty());
  std::latch ready{askers + 1};
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < askers; ++i) {
    threads.emplace_back([&] {
      reader held{filters};
      const values known;
      ready.arrive_and_wait();
      while (!stop.load()) {
        flow connection;
        metadata about;
        about.flow = &connection;
        for (int again = 0; again < 2; ++again) {
          const decision d = held.now().classify(layer_id::connect_auth_v4, known, about);
          if (d.what != decision::outcome::permit) wrong.fetch_add(1);
        }
      }
    });
  }
  ready.arrive_and_wait();
  std::vector<std::shared_ptr<counts>> all;
  std::uint64_t called = 0;
  for (int n = 0; n < commits || called < commits; ++n) {
    all.push_back(std::make_shared<counts>());
    ASSERT_EQ(filters.register_callout("c", all.back()), "");
    std::this_thread::yield();
    while (filters.unregister_callout("c") == engine::unregistered::busy) std::this_thread::yield();
    EXPECT_EQ(all.back().use_count(), 1) << "the engine let it go";
    EXPECT_EQ(all.back()->associated.load(), all.back()->given_back.load());
    called += all.back()->associated.load();
  }
  stop = true;
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong.load(), 0u);
}

TEST(concurrent, a_bucket_gives_each_token_once) {
  constexpr std::uint64_t tokens = 10'000;
  core::token_bucket bucket{1, tokens};
  std::atomic<std::uint64_t> taken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < askers; ++i) {
    threads.emplace_back([&] {
      for (std::uint64_t n = 0; n < tokens; ++n) taken.fetch_add(bucket.take(1, core::instant{}));
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(taken.load(), tokens);
}

}  // namespace
}  // namespace omnilink::interceptor::filter
