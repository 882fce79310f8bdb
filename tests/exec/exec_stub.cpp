// `omnilink exec` without a service: what the sandbox redirects is answered here with one line that says what
// arrived.
//   exec_stub [--loopback PORT[,PORT]…] [--workers N] [--say LINE] [--refuse LINE] -- CMD [ARG]…
// A connection gets "original ADDR:PORT source ADDR:PORT uid N worker N" and is closed; one that dialled the
// listener itself is reset and reported. Every name is 198.18.0.2 and fd6f:6d6e:1::2. --say reports a line at
// start, --refuse fails it.
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cli/exec_front.hpp"
#include "interceptor/original_destination.hpp"
#include "io/accept.hpp"
#include "interceptor/sock_diag.hpp"
#include "io/address.hpp"
#include "wire/dns.hpp"

namespace {

using namespace omnilink;
using bytes = std::vector<unsigned char>;

struct stub_options {
  interceptor::plan plan;
  std::string say, refuse;
};

/// The same two addresses for every name.
bytes answer_to(wire::bytes question) {
  const auto query = wire::parse_dns_query(question);
  if (!query) return {};
  const bool v6 = query->qtype == wire::dns_type_aaaa;
  return wire::dns_answer(*query, *core::address::parse(v6 ? "fd6f:6d6e:1::2" : "198.18.0.2"), 1);
}

class stub_service {
 public:
  stub_service(interceptor::installation made, cli::report_line report)
      : made_{std::move(made)}, report_{std::move(report)}, thread_{[this] { serve(); }} {}

  void end() {
    const std::uint64_t one = 1;
    (void)!::write(end_.get(), &one, sizeof(one));
    thread_.join();
  }

 private:
  void serve() {
    std::vector<pollfd> watched{{end_.get(), POLLIN, 0}};
    std::vector<std::pair<int, std::size_t>> listeners;  // and its worker
    for (const auto* group : {&made_.redirect_v4, &made_.redirect_v6}) {
      for (std::size_t w = 0; w < group->size(); ++w) listeners.emplace_back((*group)[w].get(), w);
    }
    for (const auto& [fd, worker] : listeners) watched.push_back({fd, POLLIN, 0});
    for (const auto* dns : {&made_.dns_udp_v4, &made_.dns_udp_v6, &made_.dns_tcp_v4, &made_.dns_tcp_v6}) {
      watched.push_back({dns->get(), POLLIN, 0});
    }
    const std::size_t udp = 1 + listeners.size();
    for (;;) {
      ::poll(watched.data(), watched.size(), -1);
      if (watched[0].revents != 0) return;
      for (std::size_t i = 0; i < listeners.size(); ++i) {
        if (watched[1 + i].revents != 0) on_connection(listeners[i].first, listeners[i].second);
      }
      for (std::size_t i = udp; i < udp + 2; ++i) on_udp(watched[i].fd);
      for (std::size_t i = udp + 2; i < udp + 4; ++i) on_tcp(watched[i].fd);
    }
  }

  void on_connection(int listener, std::size_t worker) {
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    const io::descriptor client{::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC)};
    if (!client) return;
    const auto source = *io::from_sockaddr(peer);
    const auto original = interceptor::original_destination(client.get(), io::bound_address(client.get()), core::mechanism::redirect);
    if (original.has_error()) {
      report_("from " + source.to_string() + ": " + std::string{core::name_of(original.error())});
      const linger at_once{1, 0};
      ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
      return;
    }
    const auto owner = interceptor::owner_of(made_.sock_diag.get(), source, *original);
    const std::string line = "original " + original->to_string() + " source " + source.to_string() + " uid " +
                             (owner ? std::to_string(owner->uid) : "unknown") + " worker " + std::to_string(worker) +
                             "\n";
    ::send(client.get(), line.data(), line.size(), MSG_NOSIGNAL);
  }

  void on_udp(int fd) {
    std::array<unsigned char, 1500> question;
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    auto* from = reinterpret_cast<sockaddr*>(&peer);
    const ssize_t got = ::recvfrom(fd, question.data(), question.size(), MSG_DONTWAIT, from, &size);
    if (got <= 0) return;
    const bytes answer = answer_to({question.data(), static_cast<std::size_t>(got)});
    ::sendto(fd, answer.data(), answer.size(), 0, from, size);
  }

  void on_tcp(int fd) {
    const io::descriptor client{::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC)};
    if (!client) return;
    std::array<unsigned char, 1500> question;
    const ssize_t got =
        ::recv(client.get(), question.data(), question.size(), 0);  // a test sends it in one piece
    if (got <= 2) return;
    const bytes answer = wire::dns_framed(answer_to({question.data() + 2, static_cast<std::size_t>(got) - 2}));
    ::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
  }

  interceptor::installation made_;
  cli::report_line report_;
  io::descriptor end_{::eventfd(0, EFD_CLOEXEC)};
  std::thread thread_;
};

boost::system::result<cli::end_service, std::string> start(const stub_options& options,
                                                           interceptor::installer& home,
                                                           cli::report_line report) {
  auto made = home.install(options.plan);
  if (made.has_error()) return std::string{"not installed"};  // exec itself tells the sandbox's failures
  if (!options.refuse.empty()) return options.refuse;
  if (!options.say.empty()) report(options.say);
  auto service = std::make_shared<stub_service>(std::move(*made), std::move(report));
  return cli::end_service{[service] { service->end(); }};
}

std::vector<std::uint16_t> ports_in(std::string_view text) {
  std::vector<std::uint16_t> out;
  for (const char* at = text.data(); at < text.data() + text.size(); ++at) {
    at = std::from_chars(at, text.data() + text.size(), out.emplace_back()).ptr;
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  stub_options options;
  int at = 1;
  for (; at + 1 < argc && std::string_view{argv[at]} != "--"; at += 2) {
    const std::string_view name{argv[at]}, value{argv[at + 1]};
    if (name == "--loopback") options.plan.host_loopback_ports = ports_in(value);
    if (name == "--workers") options.plan.workers = static_cast<std::uint32_t>(std::atoi(argv[at + 1]));
    if (name == "--say") options.say = value;
    if (name == "--refuse") options.refuse = value;
  }
  if (at + 1 >= argc) return std::fprintf(stderr, "exec_stub: no command\n"), 2;
  const cli::exec_options exec{{argv + at + 1, argv + argc}};
  return cli::run_exec(exec, [&options](interceptor::installer& home, cli::report_line report) {
    return start(options, home, std::move(report));
  });
}
