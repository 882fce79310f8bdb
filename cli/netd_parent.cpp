#include "cli/netd_parent.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "cli/exit_code.hpp"
#include "cli/netd_duties.hpp"
#include "cli/netd_log.hpp"
#include "core/clock.hpp"
#include "interceptor/packet_channel.hpp"
#include "io/privileges.hpp"
#include "io/signals.hpp"

namespace omnilink::cli {
namespace {

using io::log::level;
using namespace std::chrono_literals;

// A worker that dies at once would otherwise be started as often as the machine can.
constexpr core::nanoseconds first_pause = 100ms;
constexpr core::nanoseconds longest_pause = 5s;
constexpr core::nanoseconds healthy_life = 30s;

class parent {
 public:
  parent(netd_options options, const io::descriptor& signals, const worker_main& worker)
      : options_{std::move(options)}, signals_{signals}, worker_main_{worker}, log_{options_.log}, netd_{std::in_place, exemption(), options_.files} {}

  int run() {
    if (!start_worker()) return exit_failed;
    options_.ready.reset();
    if (std::string wrong = io::keep_network_privileges(options_.keeps); !wrong.empty()) log_.line(level::warn, "privileges-kept", {{"reason", wrong}});
    while (!exit_) step();
    return *exit_;
  }

 private:
  interceptor::exemption exemption() const { return {options_.worker.uid, options_.worker.gid}; }

  void step() {
    const auto now = core::clock::now();
    if (worker_ == 0 && now >= next_start_) (void)start_worker();
    const auto duties = duties_.wait_for(*netd_, now);
    pollfd waits[] = {{signals_.get(), POLLIN, 0}, {channel_.get(), POLLIN, 0}, duties[0], duties[1], duties[2], duties[3], duties[4], duties[5], duties[6]};
    core::nanoseconds left = duties_.left(now);
    if (worker_ == 0) left = std::min(left, next_start_ - now);
    if (::poll(waits, std::size(waits), poll_timeout(left)) < 0) return;
    // The worker's last words come before its end.
    if (waits[1].revents != 0 && !netd_->answer(channel_.get())) channel_.reset();
    if (waits[1].revents != 0 && netd_->serves()) served_ = true;
    if (waits[0].revents != 0) on_signal(io::next_signal(signals_));
    duties_.act(*netd_, {waits[2], waits[3], waits[4], waits[5], waits[6], waits[7], waits[8]});
  }

  bool start_worker() {
    auto [ours, theirs] = interceptor::make_packet_channel();
    const pid_t child = ours ? ::fork() : -1;
    if (child < 0) {
      log_.line(level::error, "worker-not-started", {{"reason", std::strerror(errno)}});
      pause();
      return false;
    }
    if (child == 0) {
      // Nothing of netd's may live on here: the rules go with the last copy of its netlink socket.
      ours.reset();
      channel_.reset();
      netd_.reset();
      ::setpgid(0, 0);  // the terminal's signals come through netd, once
      const int code = worker_main_(std::move(theirs), started_);
      std::_Exit(code);
    }
    interceptor::wait_for_reader(ours.get(), answer_patience);
    worker_ = child;
    netd_->serve_by(child);
    channel_ = std::move(ours);
    started_at_ = core::clock::now();
    started_ = true;
    return true;
  }

  void on_signal(int signal) {
    if (signal == SIGCHLD) return reap();
    if (signal == SIGTERM || signal == SIGINT) {
      stopping_ = true;
      if (worker_ == 0) end(exit_done);
    }
    if (worker_ != 0 && signal != 0) ::kill(worker_, signal);
  }

  void reap() {
    int status = 0;
    const pid_t gone = ::waitpid(-1, &status, WNOHANG);
    if (gone <= 0 || gone != worker_) return;
    worker_ = 0;
    // What it has said and nobody heard yet: that it withdraws, perhaps.
    while (channel_ && has_message() && netd_->answer(channel_.get())) {
    }
    channel_.reset();
    const bool ordered = stopping_ || netd_->withdrawn();
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    // One that could not even start would not do so the next time.
    if (ordered || !served_) return end(code);
    log_.line(level::error, "worker-ended", {{"signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0}, {"exit_code", WIFEXITED(status) ? code : 0}});
    pause();
  }

  bool has_message() const {
    pollfd one{channel_.get(), POLLIN, 0};
    return ::poll(&one, 1, 0) > 0 && (one.revents & POLLIN) != 0;
  }

  void pause() {
    const auto now = core::clock::now();
    pause_ = now - started_at_ > healthy_life ? first_pause : std::min(longest_pause, std::max(first_pause, 2 * pause_));
    next_start_ = now + pause_;
  }

  void end(int code) {
    duties_.end(*netd_);
    exit_ = code;
  }

  netd_options options_;
  const io::descriptor& signals_;
  const worker_main& worker_main_;
  const netd_log log_;
  std::optional<interceptor::netd> netd_;
  netd_duties duties_{log_};
  io::descriptor channel_;
  pid_t worker_ = 0;
  bool started_ = false;   // some worker was
  bool served_ = false;    // and has got its sockets
  bool stopping_ = false;
  core::instant started_at_{};
  core::instant next_start_{};
  core::nanoseconds pause_{0};
  std::optional<int> exit_;
};

}  // namespace

int run_as_netd(netd_options options, const io::descriptor& signals, const worker_main& worker) {
  return parent{std::move(options), signals, worker}.run();
}

}  // namespace omnilink::cli
