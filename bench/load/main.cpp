// The load tool of bench/run.
//   bench_load target ADDRESS [awake]                        serves until it is ended
//   bench_load connections WAY AMOUNT --lanes N              open, 64 bytes each way, close
//   bench_load requests WAY AMOUNT --lanes N                 64 bytes each way on N connections that stay
//   bench_load idle WAY AMOUNT --lanes N                     open, 64 bytes each way, keep; until its standard input ends
//   bench_load up|down WAY --seconds S --lanes N             N connections, one way
// WAY: --to TARGET [--socks5 PROXY | --http PROXY | --pass PROXY] [--from SOURCE]. AMOUNT: --count N or --seconds S or both.
// [--uid N]: as this user. [--awake 1]: never asleep on its lanes. Says with one line of JSON what was done, and its own CPU time.
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

template <class T>
T number(const flags& given, const char* name) {
  const std::string& word = text(given, name);
  T out = 0;
  const auto [end, wrong] = std::from_chars(word.data(), word.data() + word.size(), out);
  if (wrong != std::errc{} || end != word.data() + word.size() || out <= 0) die(word + " is no number above 0");
  return out;
}

route way_of(const flags& given) {
  const sockaddr_in target = parse_address(text(given, "--to"));
  route out{target, {}, {}};
  if (given.contains("--from")) out.from = parse_address(text(given, "--from") + ":0");
  if (given.contains("--socks5")) out = {parse_address(text(given, "--socks5")), out.from, socks5_questions(target)};
  if (given.contains("--http")) out = {parse_address(text(given, "--http")), out.from, http_questions(target)};
  if (given.contains("--pass")) out.first = parse_address(text(given, "--pass"));
  return out;
}

lanes_options lanes_of(const flags& given, then next) {
  lanes_options out{.way = way_of(given), .lanes = number<int>(given, "--lanes"), .count = ~std::uint64_t{0}, .next = next};
  if (given.contains("--count")) out.count = number<std::uint64_t>(given, "--count");
  if (given.contains("--seconds")) out.seconds = number<double>(given, "--seconds");
  if (out.count == ~std::uint64_t{0} && out.seconds == 0) die("--count or --seconds is missing");
  if (given.contains("--awake")) out.how = waits::awake;
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
    std::printf(", \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f", percentile_us(times, 0.5), percentile_us(times, 0.99),
                percentile_us(times, 0.999));
  }
  std::printf("}\n");
  std::fflush(stdout);
}

void run(const std::string& what, const flags& given) {
  static const std::map<std::string, then> small{{"connections", then::close}, {"requests", then::again}, {"idle", then::hold}};
  const auto begun = std::chrono::steady_clock::now();
  std::uint64_t count = 0;
  std::vector<std::uint64_t> times;
  if (const auto found = small.find(what); found != small.end()) {
    times = run_lanes(lanes_of(given, found->second));
    count = times.size();
  } else if (what == "up" || what == "down") {
    count = run_bulk({way_of(given), what == "up" ? service::sink : service::source, number<int>(given, "--lanes"),
                      number<double>(given, "--seconds")});
  } else {
    die(what + " is none of target, connections, requests, idle, up, down");
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  report(count, took.count(), std::move(times));
  if (what == "idle")
    while (std::getchar() != EOF) {
    }
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
  if (given.contains("--uid")) check(::setuid(number<uid_t>(given, "--uid")), "setuid");
  run(what, given);
}
