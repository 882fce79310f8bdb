// Nanoseconds per classify, and seconds per load, of 10, 1 000 and 100 000 filters: of networks, ports,
// domain suffixes, and all three in one sublayer. Half of the connections meet a filter of the many, half
// fall through to the last.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "interceptor/filter/engine.hpp"

namespace omnilink::interceptor::filter {
namespace {

enum kind : std::int64_t { networks, ports, suffixes, mixed };

std::string name_of(std::uint32_t n) {
  return "site" + std::to_string(n) + (n % 3 == 0 ? ".example.com" : n % 3 == 1 ? ".org" : ".co.uk");
}

core::address address_of(std::uint32_t n) {
  return core::address::v4(0x0b000000u + n * 256 + 7);
}

// Ports alone are only 65 536; beyond, they come together with a user.
filter filter_of(kind what, std::uint32_t n) {
  filter out;
  out.name = "f" + std::to_string(n);
  out.action = n % 2 ? action::block() : action::chain("out");
  if (what == mixed) what = static_cast<kind>(n % 3);
  switch (what) {
    case networks:
      out.conditions = {{field_id::remote_address,
                         false,
                         {*core::cidr::make(core::address::v4(0x0b000000u + n * 256), 24)}}};
      break;
    case ports:
      out.conditions = {{field_id::remote_port, false, {number_range{n % 60000 + 1024, n % 60000 + 1024}}},
                        {field_id::uid, false, {number_range{n, n}}}};
      break;
    default:
      out.conditions = {{field_id::host, false, {text_pattern{text_pattern::kind::suffix, name_of(n)}}}};
      break;
  }
  return out;
}

transaction many(engine& filters, kind what, std::uint32_t count) {
  transaction t = filters.begin();
  for (std::uint32_t n = 0; n < count; ++n) t.add(filter_of(what, n));
  filter rest;
  rest.name = "rest";
  rest.action = action::direct();
  rest.weight = weight::exact(0);
  t.add(std::move(rest));
  return t;
}

std::vector<values> some_connections(std::uint32_t count, std::size_t connections) {
  std::mt19937 random{1};
  std::uniform_int_distribution<std::uint32_t> any{0, count * 2 - 1};  // half of them are nobody's
  std::vector<values> out(connections);
  for (values& v : out) {
    const std::uint32_t n = any(random);
    v.set(field_id::remote_address, address_of(n))
        .set(field_id::local_address, core::address::v4(0x7f000001))
        .set(field_id::remote_port, n % 60000 + 1024)
        .set(field_id::uid, n)
        .set(field_id::exe, "/usr/bin/curl")
        .set(field_id::host, "www." + name_of(n));
  }
  return out;
}

void classify(benchmark::State& state) {
  const auto count = static_cast<std::uint32_t>(state.range(1));
  engine filters;
  const auto errors = filters.commit(many(filters, static_cast<kind>(state.range(0)), count));
  if (!errors.empty()) state.SkipWithError(errors.front().c_str());
  const auto policy = filters.current();
  const auto connections = static_cast<std::size_t>(state.range(2));  // a power of two
  const auto known = some_connections(count, connections);
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(policy->classify(layer_id::connect_auth_v4, known[i++ & (connections - 1)], {}));
  }
}

void load(benchmark::State& state) {
  const auto count = static_cast<std::uint32_t>(state.range(1));
  for (auto _ : state) {
    engine filters;
    benchmark::DoNotOptimize(filters.commit(many(filters, static_cast<kind>(state.range(0)), count)));
  }
}

const std::vector<std::int64_t> kinds{networks, ports, suffixes, mixed};

// With 1024 different connections in turn, what they touch stays in a core's cache; with 4096 it does not.
BENCHMARK(classify)
    ->ArgNames({"kind", "filters", "connections"})
    ->ArgsProduct({kinds, {10, 1000, 100'000}, {1024, 4096}});
BENCHMARK(load)
    ->ArgNames({"kind", "filters"})
    ->ArgsProduct({{suffixes, mixed}, {100'000}})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace omnilink::interceptor::filter
