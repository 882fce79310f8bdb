#include "cli/demo.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <ranges>
#include <string>
#include <vector>

#include "actors/service.hpp"
#include "chain/hop.hpp"
#include "cli/demo_world.hpp"
#include "cli/exec_front.hpp"
#include "cli/exit_code.hpp"
#include "cli/tls_files.hpp"
#include "cli/verbs.hpp"

namespace omnilink::cli {
namespace {

// A client's report comes from another process, after the client itself has ended.
constexpr int report_wait_ms = 5000;

bool in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string rest = path ? path : "/usr/bin:/bin";
  rest += ':';
  for (std::size_t colon; (colon = rest.find(':')) != rest.npos; rest.erase(0, colon + 1)) {
    if (::access((rest.substr(0, colon) + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

struct client {
  std::vector<std::string> command;
  std::string shown;
};

std::vector<client> clients(const std::string& url) {
  std::vector<client> out;
  if (in_path("curl")) out.push_back({{"curl", "-sS", "--max-time", "20", url}, "curl " + url});
  if (in_path("python3")) {
    const std::string script = "import urllib.request as r, sys; sys.stdout.write(r.urlopen('" + url + "', timeout=20).read().decode())";
    out.push_back({{"python3", "-c", script}, "python3 -c \"… urlopen('" + url + "') …\""});
  }
  return out;
}

actors::configuration through(std::vector<std::string> hops) {
  actors::configuration out;
  chain::chain way{"demo", {}};
  for (const auto& url : hops) {
    auto hop = chain::parse_hop_url(url);
    if (hop && read_tls_files(*hop).empty()) way.hops.push_back(std::move(*hop));
  }
  out.chains.push_back(std::move(way));
  out.service.workers = 1;
  out.service.drain_timeout = std::chrono::seconds{1};
  out.log_access = false;
  return out;
}

// Two paragraphs, since what the hops have seen goes between them.
std::string tell(const actors::trip_report& trip) {
  const auto ms = [](core::nanoseconds d) { return static_cast<double>(d.count()) / 1e6; };
  std::string out = fmt::format("intercepted    {}: for the program, that is {}\n\n",
                                core::endpoint{trip.dialled, trip.original.port}.to_string(), trip.original.to_string());
  const auto hop_ms = [ms](const chain::hop_time& t) { return ms(t.total); };
  out += fmt::format("hops           {:.1f} ms\n", fmt::join(std::views::transform(trip.hop_times, hop_ms), " + "));
  return out + fmt::format("carried        {} bytes up, {} bytes down in {:.1f} ms\nverdict        {}\n", trip.bytes_up,
                           trip.bytes_down, ms(trip.duration), trip.verdict.to_string());
}

void print_indented(const std::string& lines) {
  for (std::size_t from = 0; from < lines.size();) {
    const std::size_t end = lines.find('\n', from);
    std::printf("  %s\n", lines.substr(from, end - from).c_str());
    from = end == lines.npos ? lines.size() : end + 1;
  }
}

// run_exec takes over its process: signals, standard input and output.
int in_a_process_of_its_own(const std::function<int()>& run) {
  // As system(3): the terminal's ^C is the client's, and how that ended tells whether the demo goes on.
  const auto on_interrupt = ::signal(SIGINT, SIG_IGN);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGINT, on_interrupt);
    ::_exit(run());
  }
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ::signal(SIGINT, on_interrupt);
  if (child < 0) return exit_failed;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// One client through one chain: what the client prints, then what omnilink and the hops have to say about it.
int show(const client& who, const std::vector<std::string>& hops, demo_world& world) {
  int reports[2];
  if (::pipe2(reports, O_CLOEXEC) != 0) return exit_failed;
  io::descriptor out{reports[0]}, in{reports[1]};
  std::printf("$ omnilink exec");
  for (const auto& hop : hops) std::printf(" -F %s", hop.substr(0, hop.find('?')).c_str());
  std::printf(" -- %s\n", who.shown.c_str());
  std::fflush(stdout);

  const auto start = [&](interceptor::installer& home, report_line) -> boost::system::result<end_service, std::string> {
    auto config = through(hops);
    config.report_trip = [fd = in.get()](const actors::trip_report& trip) {
      const std::string text = tell(trip);
      [[maybe_unused]] const auto n = ::write(fd, text.data(), text.size());
    };
    auto service = std::make_shared<actors::service>(std::move(config), &home);
    if (auto problem = service->start()) return *problem;
    return end_service{[service] {
      service->drain();
      service->wait();
    }};
  };
  const int code = in_a_process_of_its_own([&] { return run_exec({who.command}, start); });
  in.reset();
  pollfd wait{out.get(), POLLIN, 0};
  std::string told(4096, '\0');
  const bool ready = ::poll(&wait, 1, report_wait_ms) == 1;
  const auto size = ready ? ::read(out.get(), told.data(), told.size()) : 0;
  told.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  const std::size_t middle = std::min(told.find("\n\n"), told.size());
  print_indented(told.substr(0, middle));
  print_indented(world.seen());
  print_indented(told.substr(std::min(middle + 2, told.size())));
  std::printf("\n");
  std::fflush(stdout);
  return code;
}

}  // namespace

int demo_verb(bool once) {
  auto world = demo_world::start();
  if (!world) {
    complain("demo: cannot start its hops: " + std::string{std::strerror(errno)});
    return exit_failed;
  }
  const std::string url = "http://" + std::string{demo_origin_name} + "/";
  const auto who = clients(url);
  if (who.empty()) {
    complain("demo: needs a client: apt-get install curl");
    return exit_failed;
  }
  std::printf("A real client goes through three proxies without knowing it. Only the last proxy knows the name %s.\n\n",
              demo_origin_name);
  const std::vector<std::string> hops{fmt::format("socks5://127.0.0.1:{}", world->socks5_port),
                                      fmt::format("http://127.0.0.1:{}", world->http_port),
                                      fmt::format("https://localhost:{}?ca={}", world->https_port, world->ca_file)};
  for (const client& one : who) {
    if (const int code = show(one, hops, *world); code != 0) return code;
    if (once) return 0;
  }
  std::printf("And what a failure says, with a hop that trusts nobody's certificate but the system's:\n\n");
  const std::vector<std::string> untrusting{hops[0], hops[1], fmt::format("https://localhost:{}", world->https_port)};
  const int code = show(who.front(), untrusting, *world);
  if (code >= 128) return code;  // interrupted
  return code != 0 ? exit_done : exit_failed;  // the client must have failed
}

}  // namespace omnilink::cli
