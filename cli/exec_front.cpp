#include "cli/exec_front.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "cli/exec_channel.hpp"
#include "cli/exec_monitor.hpp"
#include "cli/exit_code.hpp"
#include "io/privileges.hpp"

namespace omnilink::cli {
namespace {

/// Nobody may be reading: then the line is lost, without an exception.
void print(std::string_view line) {
  std::fprintf(stderr, "omnilink exec: %.*s\n", static_cast<int>(line.size()), line.data());
}

/// Standard streams that the caller closed must not become sockets of ours; the command finds them closed
/// again.
void occupy_standard_streams() {
  int fd;
  do fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) ::close(fd);
}

std::vector<int> inherited_descriptors() {
  std::vector<int> out;
  std::error_code error;
  for (std::filesystem::directory_iterator at{"/proc/self/fd", error}, end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename();
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    if (fd > STDERR_FILENO) out.push_back(fd);
  }
  // Ours end at exec; so does the one that the loop itself used, which is gone already.
  std::erase_if(out, [](int fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    return flags < 0 || (flags & FD_CLOEXEC) != 0;
  });
  return out;
}

/// All but those that mean a defect of ours, and those of job control, which FRONT ignores (see
/// wait_for_command).
sigset_t forwarded_signals() {
  sigset_t out;
  ::sigfillset(&out);
  for (const int fatal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
    ::sigdelset(&out, fatal);
  return out;
}

class front {
 public:
  front(exec_channel channel, pid_t monitor) : channel_{std::move(channel)}, monitor_{monitor} {}
  int wait_for_command();

 private:
  void forward_signals();
  void print_lines();
  void await_monitor();
  std::optional<int> on_event();
  int on_monitor_gone();

  exec_channel channel_;
  pid_t monitor_;
  io::descriptor signals_;
  std::string partial_line_;
  std::uint32_t stops_ = 0;
};

int front::wait_for_command() {
  // The terminal stops the whole group: the command stops, the MONITOR says so, and then FRONT stops itself.
  // Without this it would stop twice.
  for (const int stop : {SIGTSTP, SIGTTIN, SIGTTOU}) ::signal(stop, SIG_IGN);
  const sigset_t watched_signals = forwarded_signals();
  signals_ = io::descriptor{::signalfd(-1, &watched_signals, SFD_CLOEXEC | SFD_NONBLOCK)};
  for (;;) {
    pollfd watched[] = {
        {signals_.get(), POLLIN, 0}, {channel_.lines.get(), POLLIN, 0}, {channel_.events.get(), POLLIN, 0}};
    if (::poll(watched, std::size(watched), -1) < 0) continue;
    if (watched[0].revents != 0) forward_signals();
    if (watched[1].revents != 0) print_lines();
    if (watched[2].revents != 0) {
      if (const auto code = on_event()) return *code;
    }
  }
}

/// What the terminal sends, the command gets itself, being in the same group; SIGCHLD is about the MONITOR.
bool is_front_s_own(const signalfd_siginfo& seen) {
  if (seen.ssi_code <= 0) return false;  // a process sent it: SI_USER, SI_QUEUE, SI_TKILL
  switch (seen.ssi_signo) {
    case SIGHUP:
      return ::getsid(0) != ::getpid();  // a terminal that goes away tells the session's leader alone
    case SIGINT:
    case SIGQUIT:
    case SIGWINCH:
    case SIGCONT:
    case SIGCHLD:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
      return true;
    default:
      return false;  // alarm(2), a limit of CPU time: they were set before exec, for the command
  }
}

/// What is sent to FRONT is meant for the command.
void front::forward_signals() {
  signalfd_siginfo seen;
  while (::read(signals_.get(), &seen, sizeof(seen)) == sizeof(seen)) {
    const auto sender = static_cast<pid_t>(seen.ssi_pid);
    const bool is_ours = sender == monitor_ || sender == ::getpid();  // SIGPIPE of a stderr that nobody reads
    if (is_ours || is_front_s_own(seen)) continue;
    send_event(channel_.events.get(), {exec_event::kind::signal, static_cast<int>(seen.ssi_signo), stops_});
  }
}

void front::print_lines() {
  char buffer[4096];
  ssize_t size;
  while ((size = ::read(channel_.lines.get(), buffer, sizeof(buffer))) > 0) {
    partial_line_.append(buffer, static_cast<std::size_t>(size));
    std::size_t end;
    while ((end = partial_line_.find('\n')) != std::string::npos) {
      print(partial_line_.substr(0, end));
      partial_line_.erase(0, end + 1);
    }
  }
  if (size == 0) channel_.lines.reset();  // the MONITOR is gone; poll() ignores it from now on
}

/// Ends the way the command did, for the shell's eyes; without a core dump, which would be ours, not the command's.
int end_like(int status) {
  if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
  const int signal = WTERMSIG(status);
  ::signal(signal, SIG_DFL);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, signal);
  ::raise(signal);
  ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
  return 128 + signal;  // as a shell says it, should the signal not end us
}

/// Its last lines and sockets are gone with it, and in a container whose first process reaps nothing it
/// leaves no zombie. A moment only: the command has ended, and somebody waits for that.
void front::await_monitor() {
  constexpr int moment_ms = 100;
  pollfd gone{channel_.events.get(), POLLIN, 0};
  if (::poll(&gone, 1, moment_ms) > 0) ::waitpid(monitor_, nullptr, 0);
}

std::optional<int> front::on_event() {
  const auto event = receive_event(channel_.events.get());
  if (!event) return on_monitor_gone();
  switch (event->what) {
    case exec_event::kind::stopped:
      stops_ = event->stops;
      ::raise(SIGSTOP);
      return std::nullopt;
    case exec_event::kind::emptied:
      await_monitor();
      [[fallthrough]];
    case exec_event::kind::ended:
      print_lines();
      return end_like(event->value);
    case exec_event::kind::failed:
      await_monitor();
      print_lines();
      return exit_exec;
    case exec_event::kind::signal:
      break;
  }
  return std::nullopt;
}

int front::on_monitor_gone() {
  print_lines();
  int status = 0;
  if (::waitpid(monitor_, &status, 0) == monitor_ && WIFSIGNALED(status)) {
    print(fmt::format("the monitor was ended by signal {}, and the command with it", WTERMSIG(status)));
  } else {
    print("the monitor ended before the command did");
  }
  return exit_exec;
}

/// FRONT's and MONITOR's ends; empty: errno.
std::optional<std::pair<exec_channel, exec_channel>> make_channel() {
  int events[2], lines[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, events) != 0) return std::nullopt;
  exec_channel front_end{io::descriptor{events[0]}, {}}, monitor_end{io::descriptor{events[1]}, {}};
  if (::pipe2(lines, O_CLOEXEC | O_NONBLOCK) != 0) return std::nullopt;
  front_end.lines = io::descriptor{lines[0]};
  monitor_end.lines = io::descriptor{lines[1]};
  return std::pair{std::move(front_end), std::move(monitor_end)};
}

int fail(std::string_view what) {
  print(fmt::format("{}: {}", what, std::strerror(errno)));
  return exit_exec;
}

}  // namespace

int run_exec(const exec_options& options, const start_service& start) {
  occupy_standard_streams();
  exec_inheritance inherited;
  inherited.descriptors = inherited_descriptors();
  const sigset_t blocked = forwarded_signals();
  ::sigprocmask(SIG_BLOCK, &blocked, &inherited.signal_mask);
  inherited.ignores_sigchld = ::signal(SIGCHLD, SIG_DFL) == SIG_IGN;  // or nobody could be waited for

  auto channel = make_channel();
  if (!channel) return fail("socketpair");
  const pid_t monitor = ::fork();
  if (monitor < 0) return fail("fork");
  if (monitor == 0) {
    channel->first = {};
    ::_exit(run_monitor(options, start, inherited, std::move(channel->second)));
  }
  channel->second = {};
  io::keep_memory_private();
  leave_files(inherited, STDOUT_FILENO);  // stderr is for our own lines
  return front{std::move(channel->first), monitor}.wait_for_command();
}

}  // namespace omnilink::cli
