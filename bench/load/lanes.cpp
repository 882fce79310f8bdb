#include "bench/load/lanes.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace omnilink::bench {
namespace {

constexpr std::size_t message_size = 64;

std::uint64_t now() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

struct lane {
  static constexpr std::size_t connecting = ~std::size_t{0};
  int fd = -1;
  std::size_t asked = connecting;  // which of the questions to the proxy; behind the last of them, the message
  std::size_t heard_size = 0;
  std::uint64_t begun = 0;
  std::array<char, 512> heard;

  std::string_view text() const { return {heard.data(), heard_size}; }
};

class runner {
 public:
  explicit runner(const lanes_options& options)
      : options_{options},
        epoll_{check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")},
        until_{options.seconds > 0 ? now() + static_cast<std::uint64_t>(options.seconds * 1e9) : ~std::uint64_t{0}},
        lanes_(static_cast<std::size_t>(options.lanes)) {
    times_.reserve(std::min<std::uint64_t>(options.count, 1'000'000));
  }

  std::vector<std::uint64_t> run() {
    for (lane& each : lanes_)
      if (may_begin()) open(each);
    epoll_event happened[256];
    while (times_.size() < begun_) {
      for (const epoll_event& one : wait_for_events(epoll_, happened, options_.how)) go_on(*static_cast<lane*>(one.data.ptr));
    }
    return std::move(times_);
  }

 private:
  bool may_begin() const { return begun_ < options_.count && (begun_ == 0 || now() < until_); }

  void open(lane& on) {
    ++begun_;
    on.begun = now();
    on.asked = lane::connecting;
    on.fd = check(connect_to(options_.way.first, SOCK_NONBLOCK, options_.way.from ? &*options_.way.from : nullptr), "connect");
    // One epoll_ctl per connection: edges of both kinds, of which the writable one is needed once.
    epoll_event wanted{EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = &on}};
    check(::epoll_ctl(epoll_, EPOLL_CTL_ADD, on.fd, &wanted), "epoll_ctl");
  }

  void go_on(lane& on) {
    if (on.asked == lane::connecting) return on_connected(on);
    const ssize_t got = ::recv(on.fd, on.heard.data() + on.heard_size, on.heard.size() - on.heard_size, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (check(static_cast<int>(got), "recv") == 0) die("a connection ended before its answer");
    on.heard_size += static_cast<std::size_t>(got);
    if (on.asked == options_.way.questions.size()) {
      if (on.heard_size >= message_.size()) on_message(on);
    } else if (const question& last = options_.way.questions[on.asked]; last.is_answered(on.text())) {
      if (!last.is_agreed(on.text())) die("the proxy refused");
      ask(on, on.asked + 1);
    }
  }

  void on_connected(lane& on) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(on.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) die(std::string{"connect: "} + std::strerror(error));
    ask(on, 0);
  }

  void on_message(lane& on) {
    if (on.text() != message_) die("what came back is not what was sent");
    times_.push_back(now() - on.begun);
    const bool more = may_begin();
    if (more && options_.next == then::again) {
      ++begun_;
      on.begun = now();
      return ask(on, on.asked);
    }
    // Who is held says nothing any more, and its lane has another one.
    options_.next == then::hold ? ::epoll_ctl(epoll_, EPOLL_CTL_DEL, on.fd, nullptr) : ::close(on.fd);
    if (more) open(on);
  }

  void ask(lane& on, std::size_t which) {
    const auto& questions = options_.way.questions;
    const std::string& text = which < questions.size() ? questions[which].text : message_;
    send_all(on.fd, text.data(), text.size());  // into an empty buffer
    on.asked = which;
    on.heard_size = 0;
  }

  const lanes_options options_;
  const int epoll_;
  const std::uint64_t until_;
  const std::string message_ = std::string(message_size, service::echo);
  std::vector<lane> lanes_;
  std::uint64_t begun_ = 0;
  std::vector<std::uint64_t> times_;
};

}  // namespace

std::vector<std::uint64_t> run_lanes(const lanes_options& options) {
  return runner{options}.run();
}

}  // namespace omnilink::bench
