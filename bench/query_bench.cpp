// Questions over query.sock to a service in this process whose table holds as many flows as the first argument says (1 000 000), all
// announced by this program: how many announcements and questions a second, pipelined by one asker, and how long one question takes
// alone and while the table is being swept.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "actors/service.hpp"
#include "bench/query_client.hpp"
#include "io/log.hpp"

namespace {

using namespace omnilink;
using namespace omnilink::bench;
using clock_type = std::chrono::steady_clock;
using wire::nat_answer;
using wire::nat_question;

template <class Make>
void pipelined(const char* name, int fd, std::uint32_t count, nat_answer::status wanted, Make make) {
  const auto begin = clock_type::now();
  std::thread writer{[&] { send_all(fd, count, make); }};
  const std::uint32_t right = receive_all(fd, count, wanted);
  writer.join();
  const double seconds = std::chrono::duration<double>(clock_type::now() - begin).count();
  std::printf("%-34s %9.0f per second   (%u of %u as expected)\n", name, count / seconds, right, count);
}

nat_answer ask(int fd, const nat_question& what) {
  const auto out = wire::encode(what);
  std::array<std::uint8_t, wire::nat_answer_size> in;
  if (::send(fd, out.data(), out.size(), MSG_NOSIGNAL) < 0 || ::recv(fd, in.data(), in.size(), 0) < 0) give_up("ask");
  const auto answer = wire::decode_nat_answer(in);
  return answer.has_value() ? *answer : nat_answer{};
}

void print_times(const char* name, std::vector<double>& microseconds) {
  if (microseconds.empty()) return;
  std::ranges::sort(microseconds);
  const auto at = [&](double part) { return microseconds[static_cast<std::size_t>(part * static_cast<double>(microseconds.size() - 1))]; };
  std::printf("%-34s p50 %.0f us, p99 %.0f us, longest %.0f us   (%zu questions)\n", name, at(0.5), at(0.99), microseconds.back(), microseconds.size());
}

double one_question(int fd, std::uint32_t flow) {
  nat_question asked;
  asked.source = key_of(flow).source;
  const auto begin = clock_type::now();
  ask(fd, asked);
  return std::chrono::duration<double, std::micro>(clock_type::now() - begin).count();
}

}  // namespace

int main(int count, char** words) {
  const auto flows = static_cast<std::uint32_t>(count > 1 ? std::atoi(words[1]) : 1'000'000);
  const int ttl = count > 2 ? std::atoi(words[2]) : 30;
  const std::string path = "/tmp/omnilink-bench-" + std::to_string(::getpid()) + ".sock";
  io::log_config quiet;
  quiet.level = io::log::level::warn;
  io::log::init(quiet);
  actors::configuration config;
  config.service.workers = 2;
  config.query_socket = path;
  config.query_rate = 0;
  config.nat.capacity = 2 * flows + flows / 4;  // half is for others' flows, and ports do not fall evenly into shards
  config.nat.ttl = std::chrono::seconds{ttl};
  interceptor::listener_config listener;
  listener.where = {core::address::v4(0x7f000001), 0};
  config.listeners.push_back(listener);
  actors::service service{std::move(config)};
  if (const auto problem = service.start()) {
    std::fprintf(stderr, "%s\n", problem->c_str());
    return 1;
  }

  const int fd = connected(path);
  pipelined("announcements", fd, flows, nat_answer::status::live, announcement_of);
  const std::uint32_t questions = 500'000;
  pipelined("questions by source, hit", fd, questions, nat_answer::status::live, [flows](std::uint32_t i) {
    nat_question out;
    out.source = key_of(static_cast<std::uint32_t>(i * 2654435761u) % flows).source;
    return wire::encode(out);
  });
  pipelined("questions by flow, hit", fd, questions, nat_answer::status::live, [flows](std::uint32_t i) {
    nat_question out;
    out.what = nat_question::kind::flow;
    const core::flow_key key = key_of(static_cast<std::uint32_t>(i * 2654435761u) % flows);
    out.source = key.source;
    out.local = key.local;
    return wire::encode(out);
  });
  pipelined("questions by flow, miss", fd, questions, nat_answer::status::miss, [](std::uint32_t i) {
    nat_question out;
    out.what = nat_question::kind::flow;
    const core::flow_key key = key_of(i);
    out.source = key.source;
    out.local = {key.local.address, 1};
    return wire::encode(out);
  });

  std::mt19937 random{1};
  std::vector<double> alone, swept;
  for (int i = 0; i < 20'000; ++i) alone.push_back(one_question(fd, random() % flows));
  print_times("one question alone", alone);
  nat_question stats;
  stats.what = nat_question::kind::stats;
  for (wire::nat_counters now = ask(fd, stats).counters; now.announced != 0; now = ask(fd, stats).counters) {
    const bool sweeping = now.announced < flows;
    for (int i = 0; i < 100; ++i) {
      const double took = one_question(fd, random() % flows);
      if (sweeping) swept.push_back(took);
    }
  }
  print_times("one question while all expire", swept);
  ::close(fd);
  service.stop();
  service.wait();
}
