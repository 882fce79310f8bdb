// The floor: the least that a relay of one thread needs. What omnilink costs is given as a multiple of it.
//   bench_floor ARRIVAL LISTEN [HOP…]
// ARRIVAL: socks5, http, redirect, tproxy, or pass=ADDRESS. HOP: socks5=ADDRESS, http=ADDRESS; the first also socks5+tls=ADDRESS,FILE
// where FILE has the certificate of who vouches for it.
#include <sys/resource.h>

#include <csignal>

#include "bench/floor/connection.hpp"

namespace omnilink::bench {
namespace {

constexpr int events_per_turn = 256;

struct named {
  std::string name, value;
};

// "name=value"
named split(const std::string& word) {
  const std::size_t end = word.find('=');
  return {word.substr(0, end), end == word.npos ? "" : word.substr(end + 1)};
}

way way_of(const std::string& word) {
  const auto [name, value] = split(word);
  if (name == "socks5") return {arrival::socks5};
  if (name == "http") return {arrival::http};
  if (name == "redirect") return {arrival::redirect};
  if (name == "tproxy") return {arrival::tproxy};
  if (name == "pass") return {arrival::pass, parse_address(value)};
  die(word + " is none of socks5, http, redirect, tproxy, pass=ADDRESS");
}

void add_hop(way& to, const std::string& word) {
  const auto [name, value] = split(word);
  if (name == "socks5" || name == "http") {
    to.hops.push_back({name == "http" ? arrival::http : arrival::socks5, false, parse_address(value)});
  } else if (const std::size_t end = value.find(','); name == "socks5+tls" && end != value.npos && to.hops.empty()) {
    to.hops.push_back({arrival::socks5, true, parse_address(value.substr(0, end))});
    to.authority = value.substr(end + 1);
  } else {
    die(word + " is no hop");
  }
}

// Each idle connection has two descriptors.
void allow_descriptors() {
  rlimit most{};
  ::getrlimit(RLIMIT_NOFILE, &most);
  most.rlim_cur = most.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &most);
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
  if (count < 3) die("usage: see the head of bench/floor/main.cpp");
  std::signal(SIGPIPE, SIG_IGN);
  allow_descriptors();
  auto home = std::make_unique<loop>();
  home->how = way_of(words[1]);
  for (int i = 3; i < count; ++i) add_hop(home->how, words[i]);
  if (!home->how.authority.empty()) home->tls.emplace(home->how.authority);
  home->epoll = check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  run(*home, listen_on(parse_address(words[2]), home->how.in == arrival::tproxy));
}
