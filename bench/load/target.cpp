#include "bench/load/target.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "bench/load/channel.hpp"

namespace omnilink::bench {
namespace {

constexpr std::size_t piece = 256 * 1024;

struct client {
  int fd;
  char wanted = 0;         // a service; 0: has not said it yet
  bool small = true;       // echoes, or may come to
  std::uint64_t left = 0;  // of a bulk's bytes
  std::array<char, bulk_request_size> begun{};  // of a bulk's next request, what is here already
  std::size_t begun_size = 0;
};

class server {
 public:
  server(const sockaddr_in& where, waits how)
      : how_{how}, listener_{listen_on(where)}, epoll_{check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")}, payload_(piece, 'd') {
    epoll_event wanted{EPOLLIN, {.ptr = nullptr}};
    check(::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &wanted), "epoll_ctl");
  }

  // Level-triggered: one event per client and turn, so a client may be deleted where it is met.
  [[noreturn]] void run() {
    epoll_event happened[256];
    for (;;) {
      for (const epoll_event& one : wait_for_events(epoll_, happened, small_ > 0 ? how_ : waits::asleep)) {
        auto* who = static_cast<client*>(one.data.ptr);
        if (!who) {
          accept_all();
        } else if (!go_on(*who)) {
          small_ -= who->small;
          ::close(who->fd);
          delete who;
        }
      }
    }
  }

 private:
  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      ++small_;
      epoll_event wanted{EPOLLIN, {.ptr = new client{fd}}};
      check(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &wanted), "epoll_ctl");
    }
  }

  // False: done with it.
  bool go_on(client& who) {
    switch (who.wanted) {
      case service::sink: return take(who);
      case service::source: return give(who);
      default: return listen_to(who);
    }
  }

  bool listen_to(client& who) {
    char heard[1024];
    std::copy_n(who.begun.begin(), who.begun_size, heard);
    const ssize_t got = ::recv(who.fd, heard + who.begun_size, sizeof heard - who.begun_size, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    const std::size_t size = std::exchange(who.begun_size, 0) + static_cast<std::size_t>(got);
    if (who.wanted == 0) who.wanted = heard[0];
    // What does not fit into the socket's buffer was more than this tool ever sends.
    if (who.wanted == service::echo) return ::send(who.fd, heard, size, MSG_NOSIGNAL) == got;
    small_ -= std::exchange(who.small, false);
    const std::size_t whole = size / bulk_request_size;
    if (whole == 0) return keep(who, {heard, size});
    std::memcpy(&who.left, heard + 1, sizeof who.left);
    if (who.wanted == service::sink) return took(who, size - bulk_request_size);
    if (who.wanted != service::source) return false;
    who.left *= whole;  // its requests are alike
    return keep(who, {heard + whole * bulk_request_size, heard + size}) && watch(who, EPOLLOUT);
  }

  static bool keep(client& who, std::span<const char> begun) {
    std::ranges::copy(begun, who.begun.begin());
    who.begun_size = begun.size();
    return true;
  }

  bool watch(client& who, std::uint32_t what) {
    epoll_event wanted{what, {.ptr = &who}};
    return ::epoll_ctl(epoll_, EPOLL_CTL_MOD, who.fd, &wanted) == 0;
  }

  bool give(client& who) {
    const ssize_t put = ::send(who.fd, payload_.data(), std::min<std::uint64_t>(who.left, piece), MSG_NOSIGNAL);
    if (put < 0) return errno == EAGAIN;
    who.left -= static_cast<std::uint64_t>(put);
    if (who.left > 0) return true;
    who.wanted = 0;
    return watch(who, EPOLLIN);
  }

  bool take(client& who) {
    const ssize_t got = ::recv(who.fd, nullptr, std::min<std::uint64_t>(who.left, piece), MSG_TRUNC);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    return took(who, static_cast<std::size_t>(got));
  }

  bool took(client& who, std::size_t size) {
    who.left -= size;
    if (who.left > 0) return true;
    who.wanted = 0;
    send_all(who.fd, "y", 1);
    return true;
  }

  const waits how_;
  int small_ = 0;  // clients that echo, or have not said what they want
  const int listener_;
  const int epoll_;
  const std::vector<char> payload_;
};

}  // namespace

void serve(const sockaddr_in& where, waits how) {
  server{where, how}.run();
}

}  // namespace omnilink::bench
