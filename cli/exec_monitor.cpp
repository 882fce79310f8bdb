#include "cli/exec_monitor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <optional>

#include "cli/exit_code.hpp"
#include "interceptor/sandbox.hpp"
#include "io/confinement.hpp"
#include "io/privileges.hpp"

namespace omnilink::cli {
namespace {

using interceptor::sandbox;

class monitor {
 public:
  monitor(exec_channel channel, pid_t front) : channel_{std::move(channel)}, front_{front} {}

  int run(const exec_options& options, const start_service& start, const exec_inheritance& inherited);

 private:
  void leave_the_terminal(const exec_inheritance& inherited);
  int fail(std::string_view line);
  void serve(pid_t command);
  bool reap(pid_t command);
  void on_command(int status);
  void on_front(pid_t command);

  exec_channel channel_;
  pid_t front_;
  io::descriptor child_signals_;
  bool command_lives_ = true;
  bool command_stopped_ = false;
  std::uint32_t stops_ = 0;
};

/// One line, whole or not at all, without anything that a terminal would obey.
void write_line(int fd, std::string_view text) {
  std::string line{text.substr(0, PIPE_BUF - 1)};
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  line += '\n';
  (void)!::write(fd, line.data(), line.size());
}

int monitor::run(const exec_options& options, const start_service& start, const exec_inheritance& inherited) {
  // Orphans of the command become ours, so waitpid() tells exactly when the sandbox is empty.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  auto home = sandbox::spawn({options.command, inherited.signal_mask, inherited.ignores_sigchld});
  if (home.has_error()) return fail(fmt::format("{}: {}", home.error().step, home.error().message));
  io::keep_memory_private();  // not before: the sandbox's child has to write to its own /proc
  leave_the_terminal(inherited);
  if (const std::string wrong = io::confine_system_calls(true); !wrong.empty()) return fail(wrong);

  const int lines = channel_.lines.get();
  auto end = start(**home, [lines](std::string_view line) { write_line(lines, line); });
  if (end.has_error()) {
    const auto& why = (*home)->failure();
    (*home)->remove();
    return fail(why ? fmt::format("cannot make the sandbox: {}: {}", why->step, why->message) : end.error());
  }
  (void)!::chdir("/");  // or this process would keep the user's file system busy
  (*home)->release();
  serve((*home)->child_pid());
  (*end)();
  return 0;
}

/// Into a session of its own, so that the terminal's signals reach FRONT and the command alone. A group of
/// its own would not do: the command's parent, in its session but not in its group, passes for a shell with
/// job control (credentials(7), "orphaned"), and where there is none ^Z would stop what nobody can continue.
void monitor::leave_the_terminal(const exec_inheritance& inherited) {
  ::setsid();
  leave_files(inherited, STDERR_FILENO);  // so that `exec … | cat` ends with the command
  ::signal(SIGPIPE, SIG_IGN);             // a connection that went away is an error code

  sigset_t children;
  ::sigemptyset(&children);
  ::sigaddset(&children, SIGCHLD);
  child_signals_ = io::descriptor{::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK)};
}

int monitor::fail(std::string_view line) {
  write_line(channel_.lines.get(), line);
  send_event(channel_.events.get(), {exec_event::kind::failed});
  return exit_exec;
}

/// Until nothing from the sandbox lives.
void monitor::serve(pid_t command) {
  while (reap(command)) {
    pollfd watched[] = {{child_signals_.get(), POLLIN, 0}, {channel_.events.get(), POLLIN, 0}};
    if (::poll(watched, std::size(watched), -1) < 0) continue;
    signalfd_siginfo seen[16];
    while (::read(child_signals_.get(), seen, sizeof(seen)) > 0) {
    }
    if (watched[1].revents != 0) on_front(command);
  }
}

/// False: no child is left.
bool monitor::reap(pid_t command) {
  std::optional<int> ended;
  pid_t child;
  int status = 0;
  while ((child = ::waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
    if (child != command || !command_lives_) continue;
    on_command(status);
    if (!command_lives_) ended = status;
  }
  const bool some_live = child == 0;
  if (ended) {
    send_event(channel_.events.get(),
               {some_live ? exec_event::kind::ended : exec_event::kind::emptied, *ended});
  }
  return some_live;
}

void monitor::on_command(int status) {
  if (WIFSTOPPED(status)) {
    command_stopped_ = true;
    send_event(channel_.events.get(), {exec_event::kind::stopped, WSTOPSIG(status), ++stops_});
  } else if (WIFCONTINUED(status)) {
    command_stopped_ = false;
    // Somebody may have continued it while FRONT was about to stop itself.
    if (::getppid() == front_) ::kill(front_, SIGCONT);
  } else {
    command_lives_ = false;
  }
}

/// The command is our child and not yet reaped, so its pid is its own.
void monitor::on_front(pid_t command) {
  const auto event = receive_event(channel_.events.get());
  if (!event) return channel_.events.reset();  // poll() ignores it from now on
  (void)reap(command);
  if (!command_lives_ || event->what != exec_event::kind::signal) return;
  // The shell continues the whole group, so mostly the command runs already and needs no second word, or it
  // has stopped once more since.
  if (event->value == SIGCONT && (!command_stopped_ || event->stops != stops_)) return;
  ::kill(command, event->value);
}

}  // namespace

void leave_files(const exec_inheritance& inherited, int last_stream) {
  for (const int fd : inherited.descriptors) ::close(fd);
  const io::descriptor null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  for (int fd = STDIN_FILENO; fd <= last_stream; ++fd) ::dup2(null.get(), fd);
}

int run_monitor(const exec_options& options, const start_service& start, const exec_inheritance& inherited,
                exec_channel channel) {
  return monitor{std::move(channel), ::getppid()}.run(options, start, inherited);
}

}  // namespace omnilink::cli
