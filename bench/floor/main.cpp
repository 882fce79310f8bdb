// The floor: the least that a relay of one thread needs. What omnilink costs is given as a multiple of it.
//   bench_floor socks5 LISTEN           SOCKS5 in, straight out
//   bench_floor redirect LISTEN HOP     connections that nftables redirects to LISTEN, through one SOCKS5 hop
//   bench_floor tcp LISTEN TO           every connection to the same address
#include <csignal>

#include "bench/floor/connection.hpp"

namespace omnilink::bench {
namespace {

constexpr int events_per_turn = 256;

way way_of(const std::string& word) {
  if (word == "socks5") return way::socks5;
  if (word == "redirect") return way::redirect;
  if (word == "tcp") return way::tcp;
  die(word + " is none of socks5, redirect, tcp");
}

void accept_all(loop& home, int listener) {
  for (;;) {
    const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0 && errno == EAGAIN) return;
    connection::begin(home, check(accepted, "accept4"));
  }
}

void run(loop& home, int listener) {
  epoll_event wanted{EPOLLIN, {.ptr = nullptr}};
  check(::epoll_ctl(home.epoll, EPOLL_CTL_ADD, listener, &wanted), "epoll_ctl");
  epoll_event happened[events_per_turn];
  for (;;) {
    for (const epoll_event& one : wait_for_events(home.epoll, happened)) {
      auto* where = static_cast<side*>(one.data.ptr);
      where ? where->owner->on_event(*where, one.events) : accept_all(home, listener);
    }
    home.ended.clear();
  }
}

}  // namespace
}  // namespace omnilink::bench

int main(int count, char** words) {
  using namespace omnilink::bench;
  if (count < 3) die("usage: bench_floor socks5|redirect|tcp LISTEN [NEXT]");
  std::signal(SIGPIPE, SIG_IGN);
  const way how = way_of(words[1]);
  if ((how == way::socks5) != (count == 3)) die("NEXT is for redirect and tcp");
  const auto next = count > 3 ? parse_address(words[3]) : sockaddr_in{};
  auto home = std::make_unique<loop>(loop{how, next, check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"), {}, {}});
  run(*home, listen_on(parse_address(words[2])));
}
