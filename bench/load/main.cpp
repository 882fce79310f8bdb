// The load tool of bench/run.
//   bench_load target ADDRESS [awake]                        serves until it is ended
//   bench_load connections WAY --lanes N --count N           open, 64 bytes each way, close
//   bench_load requests WAY --lanes N --count N              64 bytes each way on N connections that stay
//   bench_load up|down WAY --bytes N                         one connection, one way
// WAY: --to TARGET [--socks5 PROXY] [--from SOURCE]. [--uid N]: as this user. [--awake 1]: never asleep on its lanes. Ends with one line of JSON: what was done, and its own CPU time.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <map>

#include "bench/load/bulk.hpp"
#include "bench/load/lanes.hpp"
#include "bench/load/target.hpp"

namespace omnilink::bench {
namespace {

using flags = std::map<std::string, std::string>;

flags read_flags(int count, char** words) {
  flags out;
  for (int i = 2; i + 1 < count; i += 2) out[words[i]] = words[i + 1];
  if (count % 2 != 0) die(std::string{words[count - 1]} + " has no value");
  return out;
}

const std::string& text(const flags& given, const char* name) {
  const auto found = given.find(name);
  if (found == given.end()) die(std::string{name} + " is missing");
  return found->second;
}

std::uint64_t number(const flags& given, const char* name) {
  const std::string& word = text(given, name);
  std::uint64_t out = 0;
  const auto [end, wrong] = std::from_chars(word.data(), word.data() + word.size(), out);
  if (wrong != std::errc{} || end != word.data() + word.size() || out == 0) die(word + " is no number above 0");
  return out;
}

route way_of(const flags& given) {
  route out{parse_address(text(given, "--to")), {}, {}};
  if (given.contains("--from")) out.from = parse_address(text(given, "--from") + ":0");
  if (given.contains("--socks5")) out.proxy = parse_address(text(given, "--socks5"));
  return out;
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double percentile_us(std::vector<std::uint64_t>& sorted, double which) {
  return static_cast<double>(sorted[static_cast<std::size_t>(which * static_cast<double>(sorted.size() - 1))]) / 1000;
}

void report(std::uint64_t count, double seconds, std::vector<std::uint64_t> times) {
  std::printf("{\"count\": %llu, \"seconds\": %.6f, \"cpu_seconds\": %.6f", static_cast<unsigned long long>(count), seconds,
              cpu_seconds());
  if (!times.empty()) {
    std::sort(times.begin(), times.end());
    std::printf(", \"p50_us\": %.1f, \"p99_us\": %.1f", percentile_us(times, 0.5), percentile_us(times, 0.99));
  }
  std::printf("}\n");
}

void run(const std::string& what, const flags& given) {
  const auto begun = std::chrono::steady_clock::now();
  std::uint64_t count = 0;
  std::vector<std::uint64_t> times;
  if (what == "connections" || what == "requests") {
    count = number(given, "--count");
    times = run_lanes({way_of(given), static_cast<int>(number(given, "--lanes")), count, what == "requests",
                       given.contains("--awake") ? waits::awake : waits::asleep});
  } else if (what == "up" || what == "down") {
    count = number(given, "--bytes");
    what == "up" ? send_bulk(way_of(given), count) : receive_bulk(way_of(given), count);
  } else {
    die(what + " is none of target, connections, requests, up, down");
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  report(count, took.count(), std::move(times));
}

}  // namespace
}  // namespace omnilink::bench

int main(int count, char** words) {
  using namespace omnilink::bench;
  if (count < 3) die("usage: see the head of bench/load/main.cpp");
  std::signal(SIGPIPE, SIG_IGN);
  const std::string what = words[1];
  if (what == "target") serve(parse_address(words[2]), count > 3 ? waits::awake : waits::asleep);
  const flags given = read_flags(count, words);
  if (given.contains("--uid")) check(::setuid(static_cast<uid_t>(number(given, "--uid"))), "setuid");
  run(what, given);
}
