#include "bench/load/lanes.hpp"

#include <chrono>
#include <cstring>

namespace omnilink::bench {
namespace {

constexpr std::size_t message_size = 64;

std::uint64_t now() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

struct lane {
  enum class step : std::uint8_t { connecting, choice, reply, message };
  int fd = -1;
  step next = step::connecting;  // what it waits for
  std::size_t heard_size = 0;
  std::uint64_t begun = 0;
  std::array<char, message_size> heard;
};

class runner {
 public:
  explicit runner(const lanes_options& options)
      : options_{options}, epoll_{check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")}, lanes_(static_cast<std::size_t>(options.lanes)) {
    times_.reserve(options.count);
    message_.fill(service::echo);
  }

  std::vector<std::uint64_t> run() {
    for (lane& each : lanes_)
      if (begun_ < options_.count) open(each);
    epoll_event happened[256];
    while (times_.size() < options_.count) {
      for (const epoll_event& one : wait_for_events(epoll_, happened, options_.how)) go_on(*static_cast<lane*>(one.data.ptr));
    }
    return std::move(times_);
  }

 private:
  void open(lane& on) {
    ++begun_;
    on.begun = now();
    on.next = lane::step::connecting;
    on.fd = check(connect_to(options_.way.first(), SOCK_NONBLOCK, options_.way.from ? &*options_.way.from : nullptr), "connect");
    // One epoll_ctl per connection: edges of both kinds, of which the writable one is needed once.
    epoll_event wanted{EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = &on}};
    check(::epoll_ctl(epoll_, EPOLL_CTL_ADD, on.fd, &wanted), "epoll_ctl");
  }

  void go_on(lane& on) {
    if (on.next == lane::step::connecting) return on_connected(on);
    const std::size_t wanted = on.next == lane::step::choice  ? socks5_choice_size
                               : on.next == lane::step::reply ? socks5_reply_size
                                                              : message_size;
    const ssize_t got = ::recv(on.fd, on.heard.data() + on.heard_size, wanted - on.heard_size, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (check(static_cast<int>(got), "recv") == 0) die("a connection ended before its answer");
    on.heard_size += static_cast<std::size_t>(got);
    if (on.heard_size == wanted) on_answer(on);
  }

  void on_connected(lane& on) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(on.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) die(std::string{"connect: "} + std::strerror(error));
    if (options_.way.proxy) {
      say(on, lane::step::choice, socks5_greeting.data(), socks5_greeting.size());
    } else {
      say(on, lane::step::message, message_.data(), message_.size());
    }
  }

  void on_answer(lane& on) {
    if (on.next == lane::step::message) return on_message(on);
    if (!socks5_agreed(on.heard.data())) die("the proxy refused");
    if (on.next == lane::step::choice) {
      const auto request = socks5_request(options_.way.target);
      say(on, lane::step::reply, request.data(), request.size());
    } else {
      say(on, lane::step::message, message_.data(), message_.size());
    }
  }

  void on_message(lane& on) {
    if (on.heard != message_) die("what came back is not what was sent");
    times_.push_back(now() - on.begun);
    const bool more = begun_ < options_.count;
    if (more && options_.keep) {
      ++begun_;
      on.begun = now();
      return say(on, lane::step::message, message_.data(), message_.size());
    }
    ::close(on.fd);
    if (more) open(on);
  }

  void say(lane& on, lane::step then, const char* data, std::size_t size) {
    send_all(on.fd, data, size);  // into an empty buffer
    on.next = then;
    on.heard_size = 0;
  }

  const lanes_options options_;
  const int epoll_;
  std::vector<lane> lanes_;
  std::array<char, message_size> message_;
  std::uint64_t begun_ = 0;
  std::vector<std::uint64_t> times_;
};

}  // namespace

std::vector<std::uint64_t> run_lanes(const lanes_options& options) {
  return runner{options}.run();
}

}  // namespace omnilink::bench
