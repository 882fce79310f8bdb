// Directions that move to splice(2) and back.
#include <fcntl.h>

#include <random>

#include "tests/io/relay_rig.hpp"

namespace omnilink::io::test {
namespace {

using core::errc;

class bulk_on_legs : public testing::TestWithParam<legs> {};

// Of the loop.
task<> turn(stream& of) {
  auto begin = [&](resumption<bool> done) {
    asio::post(of.socket().context(), [done = std::move(done)]() mutable { done(true); });
  };
  co_await completed<bool>(begin);
}

// A burst of any size, then a pause: none, some turns of the loop, or until everything has arrived.
task<transfer> send_in_bursts(rig& r, stream& to, const std::uint64_t& relayed, unsigned seed) {
  std::mt19937 random{seed};
  noise source{seed};
  transfer out;
  std::vector<std::uint8_t> burst;
  for (int round = 0; round < 12; ++round) {
    constexpr std::size_t sizes[] = {2'000, 100'000, 1'000'000};
    burst.resize(1 + random() % sizes[random() % std::size(sizes)]);
    source.fill(burst);
    out.last = co_await write_all(to, burst);
    if (!out.last.done()) co_return out;
    out.all.add(burst);
    const bool until_quiet = random() % 2 == 0;
    for (auto turns = random() % 8; turns > 0; --turns) co_await turn(to);
    while (until_quiet && relayed < out.all.count && !r.ended()) co_await turn(to);
  }
  co_return out;
}

task<transfer> receive_unevenly(stream& from, unsigned seed) {
  std::mt19937 random{seed};
  transfer out;
  std::vector<std::uint8_t> space(200'000);
  while (true) {
    out.last = co_await read_some(from, std::span{space}.first(1 + random() % space.size()));
    if (!out.last.done()) co_return out;
    out.all.add(bytes{space}.first(out.last.count));
    for (auto turns = random() % 4; turns > 0; --turns) co_await turn(from);
  }
}

// A side that ends with an RST waits until its peer's kernel has everything.
task<transfer> talk(rig& r, stream& on, const std::uint64_t& relayed, unsigned seed, bool reset) {
  auto out = co_await send_in_bursts(r, on, relayed, seed);
  if (!out.last.done()) co_return out;
  if (!reset) {
    out.last = co_await shutdown_send(on);
    co_return out;
  }
  while (!is_acknowledged(on)) co_await turn(on);
  on.set_reset_on_close();
  on.close();
  co_return out;
}

tally first_bytes(std::uint64_t count, unsigned seed) {
  std::vector<std::uint8_t> all(count);
  noise{seed}.fill(all);
  tally out;
  out.add(all);
  return out;
}

TEST_P(bulk_on_legs, B1_B2_B3_bytes_are_exact_through_every_change_of_mode) {
  const bool plain = !GetParam().client_tls && !GetParam().upstream_tls;
  std::uint64_t spliced = 0;
  std::uint64_t all = 0;
  for (unsigned seed = 1; seed <= (plain ? 12 : 3); ++seed) {
    SCOPED_TRACE(seed);
    rig r{GetParam()};
    const bool client_resets = seed % 3 == 0;
    r.start();
    const auto request = r.events.spawn(talk(r, *r.client, r.counters.up, seed, client_resets));
    const auto reply = r.events.spawn(talk(r, *r.upstream, r.counters.down, seed + 100, false));
    const auto arrived = r.events.spawn(receive_unevenly(*r.upstream, seed));
    const auto returned = r.events.spawn(receive_unevenly(*r.client, seed));
    ASSERT_TRUE(r.events.until([&] {
      return request->has_value() && reply->has_value() && arrived->has_value() && returned->has_value();
    }));
    EXPECT_EQ((*arrived)->all, (*request)->all);
    EXPECT_EQ((*returned)->all, first_bytes((*returned)->all.count, seed + 100));
    if (client_resets) {
      // Upstream's sender and its receiver share one socket, whose error goes to who asks first.
      EXPECT_TRUE((*arrived)->last.code == errc::reset || (*reply)->last.code == errc::reset);
      EXPECT_EQ(r.result().code, errc::reset);
    } else {
      EXPECT_EQ((*returned)->all, (*reply)->all);
      EXPECT_EQ(r.result().code, errc::ok);
      EXPECT_EQ(r.result().up, (*request)->all.count);
      EXPECT_EQ(r.result().down, (*reply)->all.count);
    }
    EXPECT_EQ(r.pipes.in_use(), 0u);
    spliced += r.counters.spliced;
    all += r.counters.up + r.counters.down;
  }
  EXPECT_EQ(spliced > 0, plain);
  EXPECT_LT(spliced, all);
}

TEST(relay_bulk, goes_through_a_pipe_that_comes_back_when_it_is_quiet) {
  rig r;
  r.start_bulk();
  const auto request = r.events.spawn(send(*r.client, much, 24, false));
  const auto arrived = r.events.finish(receive(*r.upstream, much));
  ASSERT_TRUE(r.events.until([&] { return request->has_value() && r.pipes.in_use() == 0; }));
  EXPECT_EQ(arrived.all, (*request)->all);
  EXPECT_GT(r.counters.spliced, much / 2);
  EXPECT_EQ(r.pipes.idle(), 1u);
  EXPECT_FALSE(r.ended());
}

TEST(relay_bulk, B3_what_is_left_in_the_pipe_is_delivered_before_the_reset) {
  rig r;
  const auto request = r.fill_a_pipe(1'200'000, 950'000);
  r.client->set_reset_on_close();
  r.client->close();
  r.events.context.run_for(20ms);
  EXPECT_EQ(r.pipes.in_use(), 1u);
  const auto arrived = r.events.finish(receive(*r.upstream, SIZE_MAX, r.arrived));
  EXPECT_EQ(arrived.all, (*request)->all);
  EXPECT_EQ(arrived.last.code, errc::reset);
  EXPECT_EQ(r.result().code, errc::reset);
  EXPECT_EQ(r.pipes.in_use(), 0u);
  EXPECT_EQ(r.pipes.idle(), 1u);
}

TEST(relay_bulk, B1_an_end_behind_a_full_pipe_comes_after_it) {
  rig r;
  const auto request = r.fill_a_pipe(1'200'000, 950'000);
  ASSERT_TRUE(r.events.finish(shutdown_send(*r.client)).done());
  const auto arrived = r.events.finish(receive(*r.upstream, SIZE_MAX, r.arrived));
  EXPECT_EQ(arrived.all, (*request)->all);
  EXPECT_EQ(arrived.last.what, progress::kind::eof);
  EXPECT_FALSE(r.ended());
}

TEST(relay_bulk, a_pipe_that_still_holds_bytes_at_the_end_is_closed) {
  rig r;
  r.fill_a_pipe(1'200'000, 950'000);
  r.near_client->close();
  r.near_upstream->close();
  EXPECT_EQ(r.result().code, errc::canceled);
  EXPECT_EQ(r.pipes.in_use(), 0u);
  EXPECT_EQ(r.pipes.idle(), 0u);
}

TEST(relay_bulk, a_receiver_that_takes_nothing_from_the_pipe_is_idle) {
  rig r{{}, {500ms, 60s}};
  r.fill_a_pipe(1'200'000, 950'000);
  EXPECT_EQ(r.result().code, errc::timed_out);
  EXPECT_EQ(r.pipes.in_use(), 0u);
}

void expect_unspliced(rig& r) {
  r.start_bulk();
  const auto request = r.events.spawn(send(*r.client, much, 25));
  const auto arrived = r.events.finish(receive(*r.upstream));
  EXPECT_EQ(arrived.all, (*request)->all);
  EXPECT_EQ(arrived.last.what, progress::kind::eof);
  EXPECT_EQ(r.counters.spliced, 0u);
}

TEST(relay_bulk, without_a_pipe_it_reads_and_writes) {
  int asked = 0;
  rig r{{}, {60s, 60s}, [&asked] {
          ++asked;
          return std::optional<pipe>{};
        }};
  expect_unspliced(r);
  EXPECT_EQ(asked, 1);
}

TEST(relay_bulk, when_all_pipes_are_in_use_it_reads_and_writes) {
  rig r;
  std::vector<pipe> taken;
  while (auto one = r.pipes.take()) taken.push_back(std::move(*one));
  EXPECT_FALSE(taken.empty());
  expect_unspliced(r);
}

// splice(2) answers EINVAL where neither end is a pipe, and where a descriptor is in append mode.
TEST(relay_bulk, goes_on_without_splice_where_the_kernel_refuses_it) {
  rig r{{}, {60s, 60s}, [] {
          int ends[2];
          return ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0
                     ? std::optional{pipe{descriptor{ends[0]}, descriptor{ends[1]}}}
                     : std::nullopt;
        }};
  expect_unspliced(r);
}

TEST(relay_bulk, what_a_pipe_holds_is_not_lost_where_the_kernel_refuses_to_splice_it) {
  rig r;
  const auto request = r.fill_a_pipe(1'200'000, 950'000);
  const int fd = r.near_upstream->socket().native_handle();
  ASSERT_EQ(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_APPEND), 0);
  const auto before = r.counters.spliced;
  const auto arrived = r.events.finish(receive(*r.upstream, 1'200'000, r.arrived));
  EXPECT_EQ(arrived.all, (*request)->all);
  EXPECT_EQ(r.counters.spliced, before);
}

// ---------------------------------------------------------------------------------- limits

TEST_P(bulk_on_legs, a_limit_slows_one_direction_and_loses_nothing) {
  core::token_bucket limit{4'000'000, 200'000};
  core::token_bucket* const all[] = {&limit};
  rig r{GetParam(), {60s, 60s, all, {}}};
  r.start();
  const auto begun = core::clock::now();
  const auto request = r.events.spawn(send(*r.client, 1'000'000, 41));
  const auto reply = r.events.spawn(send(*r.upstream, much, 42));
  const auto returned = r.events.spawn(receive(*r.client));
  const auto arrived = r.events.finish(receive(*r.upstream));
  EXPECT_GE(core::clock::now() - begun, 200ms) << "1 MB, of which 200 kB are a burst, at 4 MB a second";
  EXPECT_TRUE(r.events.until([&] { return returned->has_value(); }));
  EXPECT_EQ(arrived.all, (*request)->all);
  EXPECT_EQ((*returned)->all, (*reply)->all);
  EXPECT_EQ(r.result().code, errc::ok);
  EXPECT_EQ(r.pipes.in_use(), 0u);
}

TEST(relay_bulk, a_limit_holds_for_what_goes_through_a_pipe) {
  core::token_bucket limit{20'000'000, 1'000'000};
  core::token_bucket* const all[] = {&limit};
  rig r{{}, {60s, 60s, all, {}}};
  const auto begun = core::clock::now();
  r.start_bulk();
  const auto request = r.events.spawn(send(*r.client, 2 * much, 43));
  const auto arrived = r.events.finish(receive(*r.upstream));
  EXPECT_GE(core::clock::now() - begun, 250ms);
  EXPECT_EQ(arrived.all, (*request)->all);
  EXPECT_GT(r.counters.spliced, 0u);
}

TEST(relay_bulk, the_slowest_of_several_limits_counts) {
  core::token_bucket slow{1'000'000, 100'000}, fast{1'000'000'000, 1'000'000'000};
  core::token_bucket* const all[] = {&fast, &slow};
  rig r{{}, {60s, 60s, {}, all}};
  r.start();
  const auto begun = core::clock::now();
  const auto reply = r.events.spawn(send(*r.upstream, 300'000, 44));
  const auto returned = r.events.finish(receive(*r.client));
  EXPECT_GE(core::clock::now() - begun, 200ms);
  EXPECT_EQ(returned.all, (*reply)->all);
}

TEST(relay_bulk, who_closes_does_not_wait_for_what_pauses) {
  core::token_bucket up{1, 1000}, down{1, 1000};
  core::token_bucket *const ups[] = {&up}, *const downs[] = {&down};
  rig r{{}, {60s, 60s, ups, downs}};
  r.start();
  const auto request = r.events.spawn(send(*r.client, 3'000, 45));
  const auto reply = r.events.spawn(send(*r.upstream, 3'000, 46));
  ASSERT_TRUE(r.events.until([&] { return r.counters.up == 2'000 && r.counters.down == 2'000; })) << "then it pauses for a quarter of an hour";
  r.near_client->close();
  r.near_upstream->close();
  EXPECT_EQ(r.result().code, errc::canceled);
}

TEST(relay_bulk, who_pauses_is_not_idle) {
  core::token_bucket limit{50'000, 50'000};
  core::token_bucket* const all[] = {&limit};
  rig r{{}, {1s, 1s, all, {}}};
  limit.charge(100'000, core::clock::now());
  r.start();
  const auto request = r.events.spawn(send(*r.client, 50'000, 47));
  const auto arrived = r.events.finish(receive(*r.upstream));
  EXPECT_EQ(arrived.all, (*request)->all) << "its end was two seconds after its bytes";
  EXPECT_EQ(arrived.last.what, progress::kind::eof);
}

INSTANTIATE_TEST_SUITE_P(legs, bulk_on_legs, all_legs(), name_of_legs);

}  // namespace
}  // namespace omnilink::io::test
