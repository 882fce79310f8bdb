#include "cli/netd_listener.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "cli/exit_code.hpp"
#include "cli/netd_duties.hpp"
#include "cli/netd_log.hpp"
#include "cli/notify.hpp"
#include "core/nearest_word.hpp"
#include "interceptor/packet_channel.hpp"
#include "io/accept.hpp"
#include "io/privileges.hpp"
#include "io/signals.hpp"
#include "io/unix_socket.hpp"

namespace omnilink::cli {
namespace {

using io::log::level;

constexpr int first_listen_fd = 3;  // sd_listen_fds(3)

// Empty: systemd handed over none.
io::descriptor inherited_socket() {
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  const bool ours = pid != nullptr && count != nullptr && std::to_string(::getpid()) == pid && std::string_view{count} == "1";
  if (!ours) return {};
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  ::fcntl(first_listen_fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(first_listen_fd, F_SETFL, O_NONBLOCK);
  return io::descriptor{first_listen_fd};
}

class standing_netd {
 public:
  standing_netd(const netd_options& options, const io::descriptor& signals, const io::descriptor& socket)
      : worker_{options.worker}, signals_{signals}, socket_{socket}, log_{options.log}, netd_{{options.worker.uid, options.worker.gid}, options.files} {}

  int run() {
    while (!ended_) step();
    duties_.end(netd_);
    return exit_done;
  }

 private:
  void step() {
    const auto now = core::clock::now();
    const auto duties = duties_.wait_for(netd_, now);
    // One worker at a time: the next one waits in the queue until the last one is gone.
    pollfd waits[] = {{signals_.get(), POLLIN, 0}, {channel_.get(), POLLIN, 0}, {channel_ ? -1 : socket_.get(), POLLIN, 0},
                      duties[0], duties[1], duties[2], duties[3], duties[4], duties[5], duties[6]};
    if (::poll(waits, std::size(waits), poll_timeout(duties_.left(now))) < 0) return;
    if (waits[1].revents != 0 && !netd_.answer(channel_.get())) leave();
    if (waits[2].revents != 0) accept();
    if (waits[0].revents != 0 && io::next_signal(signals_) != 0) ended_ = true;
    duties_.act(netd_, {waits[3], waits[4], waits[5], waits[6], waits[7], waits[8], waits[9]});
  }

  void leave() {
    channel_.reset();
    if (netd_.withdrawn()) return netd_.leave();
    log_.line(level::error, "worker-lost", {{"meaning", "its connections wait for the next one"}});
  }

  void accept() {
    io::accepted one = io::accept_one(socket_.get());
    const auto peer = one.socket ? io::peer_of(one.socket.get()) : std::nullopt;
    if (!peer) return;
    if (peer->uid != worker_.uid && peer->uid != 0) return log_.line(level::warn, "stranger-refused", {{"uid", peer->uid}, {"pid", peer->pid}});
    ::fcntl(one.socket.get(), F_SETFL, 0);
    interceptor::wait_for_reader(one.socket.get(), answer_patience);
    channel_ = std::move(one.socket);
    netd_.serve_by(peer->pid);
  }

  const service_user worker_;
  const io::descriptor& signals_;
  const io::descriptor& socket_;
  const netd_log log_;
  interceptor::netd netd_;
  netd_duties duties_{log_};
  io::descriptor channel_;
  bool ended_ = false;
};

}  // namespace

boost::system::result<io::descriptor, std::string> netd_socket(const std::string& path, const service_user& owner) {
  using boost::system::in_place_error;
  if (path.empty()) {
    io::descriptor given = inherited_socket();
    if (!given) return {in_place_error, "netd: no socket from systemd (LISTEN_FDS); --socket PATH makes one"};
    return given;
  }
  auto made = io::open_unix_listener(path, io::unix_kind::seqpacket, 0600);
  if (made.has_error()) return {in_place_error, made.error()};
  if (owner.uid != ::geteuid() && ::chown(path.c_str(), owner.uid, owner.gid) != 0)
    return {in_place_error, core::quoted(path) + ": chown: " + std::strerror(errno)};
  return std::move(*made);
}

int run_netd(const netd_options& options, const io::descriptor& signals, const io::descriptor& socket) {
  const netd_log log{options.log};
  if (std::string wrong = io::keep_network_privileges(options.keeps); !wrong.empty())
    log.line(level::warn, "privileges-kept", {{"reason", wrong}});
  if (options.keeps.processes && !io::may_read_processes()) {
    log.line(level::warn, "programs-unknown", {{"meaning", "rules that ask for exe, process, pid or gid meet no connection of other users"},
                                               {"remedy", "give omnilink netd CAP_SYS_PTRACE"}});
  }
  standing_netd home{options, signals, socket};
  notify_supervisor("READY=1");
  return home.run();
}

}  // namespace omnilink::cli
