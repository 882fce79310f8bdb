// Nanoseconds per operation of one NAT shard that holds 1 k, 100 k and 1 M flows.
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <random>
#include <vector>

#include "nat/table.hpp"

namespace omnilink::nat {
namespace {

using namespace std::chrono_literals;

constexpr core::instant start{1h};
constexpr std::size_t slice = 256;  // flows per sweep, as a worker's

core::flow_key key_of(std::uint32_t n) {
  core::flow_key key;
  key.source = {core::address::v4(0x0a000000 + n / 28000), static_cast<std::uint16_t>(32768 + n % 28000)};
  key.local = {core::address::v4(0x7f000001), 12345};
  return key;
}

entry flow_of(std::uint32_t n) {
  entry out;
  out.key = key_of(n);
  out.original = core::endpoint{core::address::v4(0xc0000201), 443};
  out.chain = "out";
  return out;
}

std::vector<std::uint32_t> shuffled(std::uint32_t count) {
  std::vector<std::uint32_t> out(count);
  for (std::uint32_t i = 0; i < count; ++i) out[i] = i;
  std::shuffle(out.begin(), out.end(), std::mt19937{1});
  return out;
}

table filled(std::uint32_t count) {
  table out{config{}, count, start};
  for (const std::uint32_t n : shuffled(count)) out.insert(flow_of(n), start);
  return out;
}

void count_items(benchmark::State& state, std::int64_t per_iteration) {
  state.SetItemsProcessed(state.iterations() * per_iteration);
}

void insert(benchmark::State& state) {
  const auto count = static_cast<std::uint32_t>(state.range(0));
  const auto order = shuffled(count);
  for (auto _ : state) {
    state.PauseTiming();
    auto t = std::make_unique<table>(config{}, count, start);
    state.ResumeTiming();
    for (const std::uint32_t n : order) t->insert(flow_of(n), start);
    state.PauseTiming();
    t.reset();
    state.ResumeTiming();
  }
  count_items(state, count);
}

void lookup(benchmark::State& state, std::uint32_t offset) {
  const auto count = static_cast<std::uint32_t>(state.range(0));
  const table t = filled(count);
  const auto order = shuffled(count);
  for (auto _ : state)
    for (const std::uint32_t n : order) benchmark::DoNotOptimize(t.find(key_of(n + offset)));
  count_items(state, count);
}

void hit(benchmark::State& state) {
  lookup(state, 0);
}
void miss(benchmark::State& state) {
  lookup(state, 1u << 24);
}

void find_source(benchmark::State& state) {
  const auto count = static_cast<std::uint32_t>(state.range(0));
  const table t = filled(count);
  const auto order = shuffled(count);
  for (auto _ : state)
    for (std::size_t i = 0; i < 1000; ++i) benchmark::DoNotOptimize(t.find_source(key_of(order[i]).source));
  count_items(state, 1000);
}

// Of this thread alone, whatever else runs.
double own_microseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

double resident() {
  std::ifstream from{"/proc/self/statm"};
  std::size_t all = 0, pages = 0;
  from >> all >> pages;
  return static_cast<double>(pages) * 4096;
}

void announce(benchmark::State& state) {
  const auto count = static_cast<std::uint32_t>(state.range(0));
  const auto order = shuffled(count);
  for (auto _ : state) {
    state.PauseTiming();
    const double before = resident();
    auto t = std::make_unique<table>(config{}, 2 * count, start);
    state.ResumeTiming();
    for (const std::uint32_t n : order) t->announce(flow_of(n), start);
    state.PauseTiming();
    state.counters["bytes_per_flow"] = (resident() - before) / count;
    t.reset();
    state.ResumeTiming();
  }
  count_items(state, count);
}

// Sweeps the whole table in slices; reports the longest one, which delays a worker's connections (D6: at most
// 100 us). All repeats have the same slices: of each the fastest counts, or an interrupt would be the longest.
void expire(benchmark::State& state, bool announced) {
  const auto count = static_cast<std::uint32_t>(state.range(0));
  const auto order = shuffled(count);
  std::vector<double> fastest;
  for (auto _ : state) {
    state.PauseTiming();
    table t = announced ? table{config{}, 2 * count, start} : filled(count);
    for (const std::uint32_t n : order) {
      if (announced) t.announce(flow_of(n), start);
      else t.close(key_of(n), t.find(key_of(n))->generation, start);
    }
    state.ResumeTiming();
    bool more = true;
    for (std::size_t i = 0; more; ++i) {
      const double before = own_microseconds();
      const bool all_taken = t.sweep(start + 1h, slice) < slice;
      const bool all_given_back = !t.give_back_memory();
      more = !all_taken || !all_given_back;
      const double took = own_microseconds() - before;
      if (i == fastest.size()) fastest.push_back(took);
      fastest[i] = std::min(fastest[i], took);
    }
  }
  count_items(state, count);
  state.counters["longest_slice_us"] = *std::max_element(fastest.begin(), fastest.end());
}

void expire_closed(benchmark::State& state) {
  expire(state, false);
}
void expire_announced(benchmark::State& state) {
  expire(state, true);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
}

BENCHMARK(insert)->Apply(sizes);
BENCHMARK(hit)->Apply(sizes);
BENCHMARK(miss)->Apply(sizes);
BENCHMARK(find_source)->Apply(sizes);
BENCHMARK(announce)->Apply(sizes);
BENCHMARK(expire_closed)->Apply(sizes);
BENCHMARK(expire_announced)->Apply(sizes);

}  // namespace
}  // namespace omnilink::nat
